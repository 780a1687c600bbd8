"""The buttons under messages: one file per feature, one class for a button and its action.

A button carries ids but no authority: permissions are checked on each press.
"""
