"""The buttons under messages: one file per feature, with the button and what it does in one class.

A button carries ids and no authority: who may do what is looked up when it is pressed.
"""
