"""What is kept folded is what a fold of everything would give, whatever comes, in whatever order, and whatever is forgotten."""

import tempfile
from pathlib import Path

import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from p2plearn import limits
from p2plearn.learning.declared import Declared, declared
from p2plearn.node.service.kept import Kept
from p2plearn.node.service.service import Service
from p2plearn.protocol.kinds import Learn, Teach
from p2plearn.protocol.records import Record
from p2plearn.testing.authors import Author


def keep(service: Service) -> Kept[dict[bytes, Declared]]:
    return Kept(service._keeper, [Teach.kind, Learn.kind], limits.MAX_DECLARED, declared)


async def hear(service: Service, *records: Record) -> None:
    await service._keeper.take([record.raw for record in records], "peer")


async def test_only_what_is_new_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ada = Author("ada")
    bread, cheese = ada.teach("bread"), ada.teach("cheese")
    async with Service.open(tmp_path) as service:
        kept = keep(service)
        await hear(service, bread, ada.retract(cheese))
        assert list((await kept.get())[ada.key].teaches) == ["bread"]
        monkeypatch.setattr(service._keeper.store, "of_kinds", None)
        await hear(service, ada.share("a note"))
        assert (await kept.get()) is (await kept.get())
        await hear(service, ada.learn("butter"), cheese)  # which was taken back before it came
        found = (await kept.get())[ada.key]
        assert (list(found.teaches), list(found.learns)) == (["bread"], ["butter"])
        await hear(service, ada.retract(bread))
        assert not (await kept.get())[ada.key].teaches


async def test_what_comes_while_it_is_folded_is_not_missed(tmp_path: Path) -> None:
    ada = Author("ada")
    bread = ada.teach("bread")
    async with Service.open(tmp_path) as service:
        kept = keep(service)
        await hear(service, bread)
        fold, folded = kept._fold, []

        def fold_meanwhile(records: object) -> dict[bytes, Declared]:
            folded.append(records)
            if len(folded) == 1:
                trio.from_thread.run(hear, service, ada.retract(bread))
            return fold(records)  # type: ignore[arg-type]  # records, as they are

        kept._fold = fold_meanwhile
        assert await kept.get() == {}
        assert len(folded) == 2


@given(st.lists(st.tuples(st.sampled_from(["teach", "learn", "retract", "forget", "look"]), st.integers(0, 5)), max_size=14))
@settings(max_examples=25, deadline=None)
def test_it_is_what_a_fold_of_everything_gives(acts: list[tuple[str, int]]) -> None:
    ada = Author("ada")
    said = [ada.teach("bread")]

    async def play() -> None:
        with tempfile.TemporaryDirectory() as home:
            async with Service.open(Path(home)) as service:
                kept = keep(service)
                for act, place in acts:
                    about = said[place % len(said)]
                    match act:
                        case "teach":
                            said.append(ada.teach(f"topic {place % 2}"))
                        case "learn":
                            said.append(ada.learn(f"topic {place % 2}"))
                        case "retract":
                            said.append(ada.retract(about))
                        case "forget":
                            await service._keeper.forget([about.id])
                        case _:
                            await kept.get()
                    await hear(service, said[place % len(said)], said[-1])
                assert await kept.get() == await keep(service).get()

    trio.run(play)
