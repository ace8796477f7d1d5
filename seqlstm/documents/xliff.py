"""XLIFF 1.x and 2.x: the `<target>` of every `<trans-unit>` or `<segment>`."""

from __future__ import annotations

from dataclasses import dataclass

from seqlstm.documents.document import Document, Segment
from seqlstm.documents.xml import Token, XmlReader
from seqlstm.documents.xml_content import Content, ContentReader, completed, filled, inserted

UNITS = {"1": "trans-unit", "2": "segment"}  # by the major version
WITH_TEXT = ("g", "mrk", "pc")  # inline elements
UNTRANSLATED = ("new", "needs-translation", "initial")  # states of a target that is no translation
REVIEWED = ("signed-off", "final", "reviewed")


def read(data: bytes, name: str, *, retranslate: bool = False) -> Document:
    """The segments of an XLIFF file that have no translation.

    Args:
        data: the whole file.
        name: of the file, for messages.
        retranslate: whether segments with a translation that is not reviewed are included.

    Raises:
        DataError: the file is no XLIFF that can be read.
    """
    return XliffReader(data, name, retranslate=retranslate).read()


@dataclass(frozen=True)
class Inherited:
    """What elements hold for all inside of them."""

    translate: bool = True
    preserve: bool = False  # white space

    def inside(self, element: Token) -> Inherited:
        translate = element.attributes.get("translate")
        space = element.attributes.get("xml:space")
        return Inherited(
            self.translate if translate is None else translate != "no",
            self.preserve if space is None else space == "preserve",
        )


class XliffReader:
    """Collects the segments of an XLIFF file; arguments as of `read`."""

    def __init__(self, data: bytes, name: str, *, retranslate: bool) -> None:
        self.xml = XmlReader(data, name)
        self.content = ContentReader(self.xml, has_text, is_break)
        self.retranslate = retranslate
        self.segments: list[Segment] = []
        self.kept = 0
        self.languages = ("", "")
        self.approved_gaps = 0  # approved units that lack a translation
        self.warnings: list[str] = []

    def read(self) -> Document:
        root = self.xml.root("xliff")
        unit = self.unit_of(root)
        self.note_languages(root, "srcLang", "trgLang")
        outer = [Inherited().inside(root)]
        for token in self.xml.tokens:
            if token.kind == "end":
                outer.pop()
            elif token.kind == "start" and token.name == unit:
                self.read_unit(token, outer[-1].inside(token))
            elif token.kind == "start":
                outer.append(outer[-1].inside(token))
                if token.name == f"{root.prefix}file" and not any(self.languages):
                    self.note_languages(token, "source-language", "target-language")
        if self.segments and not self.languages[1]:
            attribute = "trgLang" if unit.endswith("segment") else "target-language"
            self.warnings.append(f"it has no {attribute}, which other programs may need")
        if self.approved_gaps:
            self.warnings.append(
                f"units that are approved without a translation: {self.approved_gaps}; they have "
                "one now, and are still marked as approved"
            )
        return Document(
            self.xml.data,
            self.segments,
            self.kept,
            self.xml.encoding,
            self.languages,
            self.warnings,
        )

    def unit_of(self, root: Token) -> str:
        """The name of the elements that have a source and a target.

        Raises:
            DataError: the version is not known.
        """
        version = root.attributes.get("version", "")
        if version.partition(".")[0] not in UNITS:
            problem = f'XLIFF 1.x and 2.x are known, not version "{version}"'
            raise self.xml.error(problem, root.line)
        return root.prefix + UNITS[version[0]]

    def note_languages(self, element: Token, source: str, target: str) -> None:
        attributes = element.attributes
        self.languages = (attributes.get(source, ""), attributes.get(target, ""))

    def read_unit(self, unit: Token, inherited: Inherited) -> None:
        """Add the segment of a unit, if it has text that needs a translation."""
        found: dict[str, Content] = {}
        for child in self.xml.children():
            local = child.name.removeprefix(unit.prefix)
            if local in ("source", "seg-source", "target") and local not in found:
                fold = not inherited.inside(child).preserve
                found[local] = self.content.read(child, fold=fold)
            else:
                self.xml.skip()
        source = found.get("seg-source", found.get("source"))
        if source is None or source.is_empty:
            return
        target = found.get("target")
        needed = self.needed(unit, source, target) if inherited.translate else None
        if needed:
            self.segments.append(self.segment(needed, target, unit.prefix))
        else:
            self.kept += 1

    def needed(self, unit: Token, source: Content, target: Content | None) -> Content | None:
        """What of a unit is to be translated: its source, or those sentences that the target lacks.

        None if the translation that it has is to be kept.
        """
        attributes = unit.attributes | (target.opening.attributes if target else {})
        state = attributes.get("state", "")
        if state in REVIEWED:
            return None
        approved = unit.attributes.get("approved") == "yes"
        is_empty = target is None or target.is_empty
        if not is_empty and not approved and (self.retranslate or state in UNTRANSLATED):
            return source
        needed = source if target is None or is_empty else completed(self.xml, source, target)
        self.approved_gaps += approved and needed is not None
        return needed

    def segment(self, source: Content, target: Content | None, prefix: str) -> Segment:
        """The segment that fills the target, or inserts one after the source."""
        if target:
            return filled(self.xml, source, target)
        before = f"{self.xml.indent(source.opening)}<{prefix}target>"
        return inserted(self.xml, source, source.closing.end, before, f"</{prefix}target>")


def has_text(element: Token) -> bool:
    attributes = element.attributes
    protected = attributes.get("mtype") == "protected" or attributes.get("translate") == "no"
    return element.local in WITH_TEXT and not protected


def is_break(element: Token) -> bool:
    return element.local == "mrk" and element.attributes.get("mtype") == "seg"
