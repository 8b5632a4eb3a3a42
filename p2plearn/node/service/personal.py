"""The façade's local half: what is this node's own business: status, follow and mute, forget, settings."""

from typing import Any, Literal

from p2plearn import __version__, config
from p2plearn.node.service import doctor
from p2plearn.node.service.parts import Answer, Part
from p2plearn.node.store import local as store_local
from p2plearn.node.store import quota as store_quota
from p2plearn.node.store.blocks import drop_file
from p2plearn.protocol.records import COMMONS


class Personal(Part):
    """Nothing of this leaves the machine."""

    async def me(self) -> Answer:
        """Whose home this is: {"author"}."""
        return {"author": self._keeper.author.hex()}

    async def status(self) -> Answer:
        """What this node is and holds."""
        replica = await self._keeper.load_replica()
        fingerprint = replica.fingerprint().hex()
        return {
            "running": False,
            "peer": self._keeper.identity.peer_id,
            "author": self._keeper.author.hex(),
            "addresses": [],
            "peers": 0,
            "records": len(replica),
            "fingerprint": fingerprint,
            "unverified": await self._keeper.in_thread(self._keeper.store.unverified),
            "spaces": [{"space": COMMONS, "records": len(replica), "fingerprint": fingerprint}],
            "version": __version__,
        }

    async def follow(self, target: str) -> Answer:
        """Follow a topic or an author: theirs is never turned away for want of room."""
        return await self._set("follow", target, on=True)

    async def unfollow(self, target: str) -> Answer:
        """Follow no longer."""
        return await self._set("follow", target, on=False)

    async def mute(self, target: str) -> Answer:
        """See nothing of a topic or an author; it is still kept for others."""
        return await self._set("mute", target, on=True)

    async def unmute(self, target: str) -> Answer:
        """See it again."""
        return await self._set("mute", target, on=False)

    async def _set(self, attitude: Literal["follow", "mute"], given: str, *, on: bool) -> Answer:
        target = await self._lookup.target(given)
        await self._keeper.write(store_local.set_attitude, attitude, target, on=on)
        await self._keeper.forget_friends()
        following, muted = [await self._keeper.read(store_local.attitudes, kind) for kind in ("follow", "mute")]
        return {"following": list(map(_name, following)), "muted": list(map(_name, muted))}

    async def forget(self, target: str) -> Answer:
        """Delete something, or all of an author, on this node, and decline it from now on."""
        record_id, author = await self._lookup.record_or_author(target)
        ids = [record_id] if record_id is not None else await self._keeper.in_thread(self._keeper.store.by_author, author)
        change = await self._keeper.forget(ids, author)
        if change.files:
            left = await self._keeper.read(store_quota.attachments)
            for name, size in change.files.items():
                await self._keeper.in_thread(drop_file, self._blocks, name, size, left)
        return {"forgotten": len(change.removed)}

    async def config_get(self, key: str) -> Answer:
        """A setting as it holds now."""
        return {"key": key, "value": config.get(self._home, key)}

    async def config_set(self, key: str, value: Any) -> Answer:
        """Write a setting; a running node takes it up when it starts again, quota and hold at once."""
        written = config.put(self._home, key, value)
        if key == "quota":
            await self._keeper.set_quota(int(str(config.get(self._home, key))))
        if key == "hold":
            await self._keeper.set_hold(everything=config.get(self._home, key) == "all")
        return {"key": key, "value": written}

    async def doctor(self) -> Answer:
        """Look over this home: what is well, and how to mend what is not."""
        return {"checks": await self._keeper.in_thread(doctor.examine, self._home, self._keeper.store, self._blocks)}


def _name(target: store_local.Target) -> str:
    return target.name.hex() if target.kind == "author" else target.name.decode()
