"""Which lines a translator receives for a document, and what becomes of its answers."""

from __future__ import annotations

from seqlstm.documents.document import Document, Segment
from seqlstm.documents.translation import Translate, TranslatedDocument, translate_document


def document(*sources: str) -> Document:
    """A document whose translations come one after the other, each with | at its end."""
    segments = [Segment(source, 0, 0, lambda text: f"{text}|") for source in sources]
    return Document(b"", segments)


def answers(translate: Translate, *sources: str) -> list[str]:
    return translate_document(document(*sources), translate).data.decode().split("|")[:-1]


class Recorder:
    """A translator that knows some lines, and puts X for each word of the others."""

    def __init__(self, **known: str) -> None:
        self.known = known
        self.calls: list[list[str]] = []

    def __call__(self, lines: list[str]) -> list[str]:
        self.calls.append(list(lines))
        return [self.known.get(line, " ".join("X" for _ in line.split())) for line in lines]


def test_white_space_around_every_line_is_kept() -> None:
    translate = Recorder()
    assert answers(translate, "\n  a b \n\n\tc\n", " ", "") == ["\n  X X \n\n\tX\n", " ", ""]
    assert translate.calls == [["a b", "c"]]


def test_equal_lines_are_translated_once() -> None:
    translate = Recorder()
    assert answers(translate, "a b", "a b\n", "c") == ["X X", "X X\n", "X"]
    assert translate.calls == [["a b", "c"]]


def test_what_has_no_words_is_its_own_translation() -> None:
    translate = Recorder()
    assert answers(translate, "---", "%s", "<b/>…") == ["---", "%s", "<b/>…"]
    assert translate.calls == []


def test_a_line_is_translated_in_pieces_only_if_protected_parts_are_lost() -> None:
    translate = Recorder(**{"open %s now": "%s jetzt auf", "a, {0} b!": "q"})
    assert answers(translate, "open %s now", "a, {0} b!") == ["%s jetzt auf", "X, {0} X"]
    assert translate.calls == [["open %s now", "a, {0} b!"], ["a", "b!"]]


def test_counts() -> None:
    translate = Recorder(bad="<g1>", d="{0}")
    found = translate_document(document("a", "b %s", "bad", "c", "{1} d"), translate)
    assert found == TranslatedDocument(b"X|X %s|bad|X|{1} d|", in_pieces=1, left=2)


def test_breaks_separate_lines() -> None:
    segment = Segment(
        "<g1>a.</g1> <g2>b.</g2>", 0, 0, str, frozenset({"<g1>", "</g1>", "<g2>", "</g2>"})
    )
    translate = Recorder()
    found = translate_document(Document(b"", [segment]), translate)
    assert found.data == b"<g1>X</g1> <g2>X</g2>"
    assert translate.calls == [["a.", "b."]]
