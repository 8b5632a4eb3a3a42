"""Files in and out: attachments, exports and imports, whatever is wrong with them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from p2plearn import limits
from p2plearn.errors import AttachmentAway, BadBundle, NotFound, P2plearnError, TooLarge
from p2plearn.node.service.service import Service
from p2plearn.protocol import cid as cids
from p2plearn.protocol.bundle import BundleWriter
from p2plearn.protocol.records import Attachment
from p2plearn.testing.authors import Author


class pieces:  # noqa: N801  # used like a function
    """Bytes as they come in from somewhere; whoever reads them may stop at any time."""

    def __init__(self, *data: bytes) -> None:
        self._data = iter(data)

    def __aiter__(self) -> "pieces":
        return self

    async def __anext__(self) -> bytes:
        for piece in self._data:
            return piece
        raise StopAsyncIteration


async def whole(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([piece async for piece in stream])


async def export(service: Service, topic: str | None = None) -> bytes:
    return await whole((await service.export_bundle(topic))[1])


async def counted(service: Service, topic: str | None = None) -> tuple[int, int]:
    """(records, attachments) of an export."""
    counts, stream = await service.export_bundle(topic)
    assert len(await whole(stream)) == counts["bytes"]
    return counts["records"], counts["attachments"]


async def furnished(service: Service) -> tuple[str, str, bytes]:
    """A shared file of two blocks and more, and a request: (snippet, cid, the file)."""
    data = bytes(range(256)) * 2500
    file = await service.put_attachment(pieces(data[:1000], data[1000:]), "notes.txt")
    assert (file["size"], file["type"]) == (640_000, "text/plain")
    attached = [{"cid": file["cid"], "name": "notes.txt", "alt": "notes"}]
    shared = (await service.share(title="Notes", text="see there", topics=["x"], attachments=attached))["id"]
    await service.ask(title="Why?", text="what", topics=["y"])
    return shared, file["cid"], data


async def test_what_is_attached_can_be_had_back(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        shared, cid, data = await furnished(service)
        assert (await service.show(shared))["attachments"][0]["here"]
        size, stream = await service.open_attachment(cid)
        assert (size, await whole(stream)) == (len(data), data)
        for wrong in ("", "bafk", cid[:-1], cid.upper(), "bafkreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"):
            with pytest.raises(NotFound):
                await service.open_attachment(wrong)


async def test_a_file_that_nobody_names_cannot_be_opened_and_one_too_large_not_kept(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        lonely = await service.put_attachment(pieces(b"lonely"), "lonely")
        with pytest.raises(NotFound):
            await service.open_attachment(lonely["cid"])
        with pytest.raises(TooLarge, match="The file is 67108865 bytes"):
            await service.put_attachment(pieces(bytes(limits.MAX_ATTACHMENT), b"1"), "large")
        with pytest.raises(NotFound):
            await service.share(title="t", text="t", topics=["x"], attachments=[{"cid": lonely["cid"][:-2] + "aa"}])


async def test_an_export_brings_everything_into_another_home(tmp_path: Path) -> None:
    async with Service.open(tmp_path / "ada") as ada, Service.open(tmp_path / "ben") as ben:
        shared, cid, data = await furnished(ada)
        counts, stream = await ada.export_bundle()
        bundle = await whole(stream)
        assert counts == {"records": 2, "attachments": 1, "bytes": len(bundle)}
        assert await ben.import_bundle(pieces(*(bundle[at : at + 999] for at in range(0, len(bundle), 999))), "ada") == {
            "new": 2,
            "known": 0,
            "refused": [],
            "attachments": 1,
        }
        assert (await ben.status())["fingerprint"] == (await ada.status())["fingerprint"]
        assert await whole((await ben.open_attachment(cid))[1]) == data
        again = await ben.import_bundle(pieces(bundle), "ada")
        assert (again["new"], again["known"], again["refused"]) == (0, 2, [])
        assert (await ben.show(shared))["text"] == "see there"


async def test_an_export_of_a_topic_has_what_carries_it(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        await furnished(service)
        assert await counted(service, "X ") == (1, 1)
        assert await counted(service, "y") == (1, 0)


async def test_what_was_forgotten_is_not_imported_and_the_reason_given(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        shared, _, _ = await furnished(service)
        bundle = await export(service)
        await service.forget(shared)
        answer = await service.import_bundle(pieces(bundle), "own")
        assert (answer["new"], answer["known"], answer["attachments"]) == (0, 1, 0)
        assert {refusal["reason"]: refusal["count"] for refusal in answer["refused"]} == {"declined": 1, "unasked": 3}
        assert service._blocks.total() == 0


async def test_a_forged_record_and_a_block_nobody_asked_for_are_refused_and_counted(tmp_path: Path) -> None:
    writer = BundleWriter()
    good, forged = (Author("ada").share(title).raw for title in ("good", "forged"))
    block = b"nobody asked"
    parts = [
        writer.start(),
        writer.record(good),
        writer.record(bytes(64) + forged[64:]),
        writer.block(cids.name(cids.RAW, block), block),
        writer.finish(),
    ]
    async with Service.open(tmp_path) as service:
        answer = await service.import_bundle(pieces(*parts), "mixed")
    assert answer["new"] == 1
    assert {refusal["reason"]: refusal["count"] for refusal in answer["refused"]} == {"signature": 1, "unasked": 1}


async def test_what_is_no_export_changes_nothing_and_a_cut_one_gives_what_it_has(tmp_path: Path) -> None:
    async with Service.open(tmp_path / "ada") as ada, Service.open(tmp_path / "ben") as ben:
        shared, cid, _ = await furnished(ada)
        for junk in (b"", b"hello", bytes(5000)):
            with pytest.raises(BadBundle, match="“junk” is not a p2plearn export"):
                await ben.import_bundle(pieces(junk), "junk")
        assert (await ben.status())["records"] == 0
        bundle = await export(ada)
        answer = await ben.import_bundle(pieces(bundle[: len(bundle) // 2]), "half")
        assert (answer["new"], answer["attachments"]) == (2, 0)
        assert "cut short" in {refusal["reason"] for refusal in answer["refused"]}
        assert not (await ben.show(shared))["attachments"][0]["here"]
        stream = (await ben.open_attachment(cid))[1]
        with pytest.raises(AttachmentAway):
            await whole(stream)


async def test_a_lie_about_a_size_keeps_nobody_from_the_file(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        shared, cid, data = await furnished(service)
        lie = Author("eve").share("lie", attachments=(Attachment(cids.from_text(cid), 5, "", "", ""),))
        await service._keeper.take([lie.raw], "peer")
        assert await whole((await service.open_attachment(cid))[1]) == data
        assert not (await service.show(lie.id.hex()))["attachments"][0]["here"]
        assert (await service.show(shared))["attachments"][0]["here"]
        assert await counted(service) == (3, 1)


async def test_an_export_about_a_topic_brings_along_who_wrote_it(tmp_path: Path) -> None:
    ben, eve, far = Author("ben"), Author("eve"), Author("far")
    old, new = ben.profile("Benny"), ben.profile("Ben")
    gone = eve.profile("Eve")
    bread = [ben.share("Bread", topics=("x",)), eve.share("Rolls", topics=("x",))]
    others = [far.profile("Far"), far.share("Stars", topics=("y",))]
    async with Service.open(tmp_path / "a") as first, Service.open(tmp_path / "b") as second:
        await first._keeper.take([record.raw for record in (old, new, gone, eve.retract(gone), *bread, *others)], "peer")
        data = await export(first, "x")
        assert (await counted(first, "x"))[0] == 5  # both notes, Ben, and that Eve is nobody any more
        await second.import_bundle(pieces(data), "x.p2p")
        assert {person["name"] for person in (await second.people())["people"]} == {"Ben", ""}


async def test_an_export_about_nothing_is_not_made(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        await furnished(service)
        with pytest.raises(NotFound, match="“nothing”"):
            await service.export_bundle("Nothing")


async def test_what_is_forgotten_while_it_is_exported_ends_the_export(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        shared, _, _ = await furnished(service)
        _, stream = await service.export_bundle()
        await service.forget(shared)
        with pytest.raises(P2plearnError, match="export once more"):
            await whole(stream)


async def test_a_file_tells_its_size_itself_whatever_a_record_that_came_first_says(tmp_path: Path) -> None:
    async with Service.open(tmp_path) as service:
        file = await service.put_attachment(pieces(b"x" * 6000), "file.bin")
        name, eve = cids.from_text(file["cid"]), Author("eve")
        lie = eve.share("lie", attachments=(Attachment(name, 5, "", "", ""),))
        truth = eve.share("truth", attachments=(Attachment(name, 6000, "", "", ""),))
        await service._keeper.take([lie.raw, truth.raw], "somebody")
        size, stream = await service.open_attachment(file["cid"])
        assert (size, await whole(stream)) == (6000, b"x" * 6000)
        assert service._whole(name, 5) == []
        assert service._whole(name, 6000) == [name]
