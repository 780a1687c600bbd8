"""Managers by role, on the simulated Discord: their rights, and those that stay with the permission."""

import discord
import pytest
import simcord

from bot.playground.world import World
from tests.flows.forger import Forger
from tests.flows.seen import posted, said

pytestmark = pytest.mark.usefixtures("world")

BY_ROLE = (
    "Only members with the Manage Server permission, or with a role from `/quota managers`, can do that."
)
BY_PERMISSION = "Only members with the Manage Server permission can do that."


@pytest.fixture
def crew(world: World) -> simcord.RoleHandle:
    return world.guild.create_role("Crew")


@pytest.fixture
async def mia(world: World, crew: simcord.RoleHandle) -> simcord.MemberActor:
    """Return a member with the role, to whom the server's settings show the commands."""
    return await shown(world, "Mia", crew)


async def shown(world: World, name: str, *roles: simcord.RoleHandle) -> simcord.MemberActor:
    """Return a member with these roles, to whom the server's settings show ``/quota``."""
    member = world.guild.add_member(world.env.create_user(name.lower(), global_name=name), roles=[*roles])
    commands = await world.parts.client.tree.fetch_commands()
    quota = next(command for command in commands if command.name == "quota")
    world.guild.set_command_permissions(quota, {member: True})
    return member


async def test_a_role_may_use_quota_and_learns_how_to_see_it(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor, crew: simcord.RoleHandle
) -> None:
    before = await mia.slash(world.channel, "quota view")
    changed = await ada.slash(world.channel, "quota managers", add=crew)
    await world.restart()
    allowed = await mia.slash(world.channel, "quota set", credits=50)
    entries = said(await ada.slash(world.channel, "quota ledger", kind="set"))

    assert BY_PERMISSION == said(before)
    assert f"<@&{crew.id}>" in said(changed)
    assert "Server Settings → Integrations" in said(changed)
    assert "100 a month → **50 a month**" in said(allowed)
    assert f"Managers by role none → <@&{crew.id}> by {ada.mention}" in entries


async def test_a_manager_by_role_cannot_change_managers(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor, crew: simcord.RoleHandle
) -> None:
    await ada.slash(world.channel, "quota managers", add=crew)
    friends = world.guild.create_role("Friends")

    added = await mia.slash(world.channel, "quota managers", add=friends)
    looked = await mia.slash(world.channel, "quota managers")
    offered = await mia.autocomplete(world.channel, "quota managers", "remove", "")
    removed = await mia.slash(world.channel, "quota managers", remove=str(crew.id))

    assert [BY_PERMISSION] * 3 == [said(added), said(looked), said(removed)]
    assert [] == offered
    assert f"<@&{crew.id}>" in said(await ada.slash(world.channel, "quota managers"))


async def test_buttons_and_options_of_managers_follow_the_roles(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor, crew: simcord.RoleHandle
) -> None:
    await ada.slash(world.channel, "quota managers", add=crew)
    noah = world.add_member("Noah")
    limit = await mia.slash(world.channel, "quota member", user=noah, credits=5)
    await ada.slash(world.channel, "quota managers", remove=f"@Crew ({crew.id})")
    assert limit.response is not None
    refused = await mia.click(limit.response.message, label="Clear, and use the roles' limits")
    top = await mia.slash(world.channel, "music top", post=True)
    await ada.slash(world.channel, "quota managers", add=crew)
    cleared = await mia.click(limit.response.message, label="Clear, and use the roles' limits")

    assert BY_PERMISSION == said(refused)
    assert BY_PERMISSION == said(top)
    assert "5 → **none**" in said(cleared)
    assert not (await mia.slash(world.channel, "music top", post=True)).ephemeral


async def test_others_are_refused_by_a_sentence_that_names_the_roles(
    world: World, ada: simcord.MemberActor, crew: simcord.RoleHandle
) -> None:
    await ada.slash(world.channel, "quota managers", add=crew)
    noah = await shown(world, "Noah", world.guild.create_role("Fans"))

    assert BY_ROLE == said(await noah.slash(world.channel, "quota view"))
    assert [] == await noah.autocomplete(world.channel, "quota limits", "clear", "")


async def test_everybody_and_an_unknown_role_are_refused(world: World, ada: simcord.MemberActor) -> None:
    everybody = await ada.slash(world.channel, "quota managers", add=world.guild.default_role)
    unknown = await ada.slash(world.channel, "quota managers", remove="12345")

    assert "@everyone can't manage the credits." in said(everybody)
    assert "That role is not one of those" in said(unknown)


async def test_a_deleted_role_can_be_removed(
    world: World, ada: simcord.MemberActor, crew: simcord.RoleHandle
) -> None:
    await ada.slash(world.channel, "quota managers", add=crew)
    world.env.backend.delete_role(world.guild.id, crew.id)
    (choice,) = await ada.autocomplete(world.channel, "quota managers", "remove", "")
    removed = await ada.slash(world.channel, "quota managers", remove=choice["name"])

    assert f"deleted role ({crew.id})" == choice["name"]
    assert "none" in said(removed)


async def test_the_number_of_roles_is_limited(
    world: World, ada: simcord.MemberActor, crew: simcord.RoleHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.server_rules.MANAGER_ROLES_MAX", 1)
    await ada.slash(world.channel, "quota managers", add=crew)
    again = await ada.slash(world.channel, "quota managers", add=crew)
    many = await ada.slash(world.channel, "quota managers", add=world.guild.create_role("More"))

    assert "were changed" not in said(again)
    assert "Up to 1 roles" in said(many)


async def test_a_forged_press_without_the_role_changes_nothing(
    world: World, ada: simcord.MemberActor, crew: simcord.RoleHandle
) -> None:
    await ada.slash(world.channel, "quota managers", add=crew)
    noah = world.add_member("Noah")
    await noah.slash(world.channel, "music create", prompt="slow rain")
    (song,) = await posted(world)
    await noah.click(song, label="Remix (10 credits)")
    forger = Forger(world)
    press = forger.event(discord.InteractionType.component)

    answer = await forger.send(press, custom_id=f"unlimit:role:{crew.id}")
    press["member"]["roles"] = [str(world.guild.id)]
    everyone = await forger.send(press, custom_id=f"ledger:older:{2**40}::")

    assert BY_ROLE in str(answer)
    assert BY_ROLE in str(everyone)
