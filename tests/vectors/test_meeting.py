"""The meeting of two nodes that PROTOCOL.md tells frame by frame is the one that two replicas have."""

from __future__ import annotations

import re

from node.replication import codec
from node.replication.frames import Entries, Frame, Pulse, Want
from tests.house.sources import ROOT
from tests.node.replication.virtual_shop import Box, VirtualShop

TOLD = re.compile(r"^(A1|B0) -> (?:A1|B0)  (\[.*?\])(?: +#.*)?$", re.MULTILINE)
TILL, OFFICE = "A1", "B0"


def told_frames() -> dict[str, list[str]]:
    """What each node says in the example, in its order: the number of the frame, and what makes it that frame."""
    page = (ROOT / "node" / "replication" / "PROTOCOL.md").read_text("utf-8")
    example = page[page.index("### Two nodes meet") :]
    said: dict[str, list[str]] = {TILL: [], OFFICE: []}
    for node, text in TOLD.findall(example[: example.index("\n## ")]):
        number = text[1]
        if number == "2":
            number += " pushed" if ", true, " in text else " wanted"
            number += " none" if text.endswith("[]]") else ""
        elif number == "3":
            number += f" from {text.split(', ')[3]}"
        elif number == "5":
            keys = re.findall(r"(\d): (?=[\[w]|digest)", text)
            number += f" {' '.join(keys)}"
        said[node].append(number)
    return said


def shape(frame: Frame) -> str:
    """The same of a frame that was sent."""
    value = codec.canonical.decode(codec.encode(frame), "frame", 1 << 20)
    match frame:
        case Entries():
            return f"2 {'pushed' if frame.pushed else 'wanted'}{'' if frame.entries else ' none'}"
        case Want():
            return f"3 from {frame.first}"
        case Pulse():
            return f"5 {' '.join(str(key) for key in value[2])}"
        case _:
            return str(value[0])


def test_two_nodes_meet_as_the_protocol_tells_it() -> None:
    shop = VirtualShop("till-3", "office")
    till, office = shop["till-3"], shop["office"]
    shop.start()
    shop.link("till-3", "office")
    till.sell()
    shop.run(1.0)
    shop.cut_between("till-3", "office")
    till.stop()
    shop.run(5.0)
    names = {"till-3": TILL, "office": OFFICE}
    said: dict[str, list[str]] = {TILL: [], OFFICE: []}

    def hear(sender: Box, _: Box, frame: Frame) -> bool:
        said[names[sender.name]].append(shape(frame))
        return True

    office.stop()
    till.start()
    office.start()
    for _ in range(3):
        till.sell()
        office.sell()
    shop.run(0.1)
    shop.on_frame = hear
    shop.link("till-3", "office")
    shop.run(0.5)
    till.sell()
    shop.run(2.0)
    assert said == told_frames()
