"""TMX, translation memories: a `<tuv>` in the target language for every `<tu>` that lacks one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from seqlstm.documents.document import Document, Segment
from seqlstm.documents.xml import Token, XmlReader
from seqlstm.documents.xml_content import Content, ContentReader, escaped, filled, inserted
from seqlstm.errors import DataError
from seqlstm.text.languages import matching

ALL = "*all*"  # the header's source language if any language may be the source


def read(
    data: bytes, name: str, *, source_lang: str, target_lang: str, retranslate: bool = False
) -> Document:
    """The segments of a TMX file that have no translation into a language.

    Args:
        data: the whole file.
        name: of the file, for messages.
        source_lang: a language code, for files whose header leaves the source language open.
        target_lang: a language code.
        retranslate: whether segments with a translation are included.

    Raises:
        DataError: the file is no TMX, or none of its units is in the source language.
    """
    reader = TmxReader(data, name, target_lang=target_lang, retranslate=retranslate)
    return reader.read(source_lang)


@dataclass(frozen=True)
class TextVariant:
    """The text of a unit in one language."""

    tag: Token
    end: int  # offset after its end tag
    content: Content

    @property
    def lang(self) -> str:
        return self.tag.attributes.get(self.attribute, "")

    @property
    def attribute(self) -> str:
        """The attribute of its language: `lang` up to TMX 1.2."""
        return "lang" if "lang" in self.tag.attributes else "xml:lang"


class TmxReader:
    """Collects the segments of a TMX file; arguments as of `read`."""

    def __init__(self, data: bytes, name: str, *, target_lang: str, retranslate: bool) -> None:
        self.xml = XmlReader(data, name)
        self.content = ContentReader(self.xml, has_text, lambda element: False)
        self.target_lang = target_lang
        self.retranslate = retranslate
        self.segments: list[Segment] = []
        self.kept = 0
        self.found: set[str] = set()  # languages
        self.has_source = False

    def read(self, source_lang: str) -> Document:
        self.xml.root("tmx")
        for token in self.xml.tokens:
            if token.kind == "start" and token.name == "header":
                source_lang = chosen(token, source_lang)
            elif token.kind == "start" and token.name == "tu":
                self.read_unit(chosen(token, source_lang))
        if self.found and not self.has_source:
            found = ", ".join(sorted(self.found))
            raise DataError(
                f"{self.xml.name} has no text in its source language {source_lang!r}, "
                f"but in: {found}.",
                hint="The header's srclang names the source language; of "
                f"{ALL!r} the recipe's pair does.",
            )
        languages = (source_lang, self.target_lang)
        return Document(self.xml.data, self.segments, self.kept, self.xml.encoding, languages)

    def read_unit(self, source_lang: str) -> None:
        """Add the segment of a unit, if it has text that needs a translation."""
        variants = list(self.variants())
        self.found |= {variant.lang for variant in variants}
        source = in_language(variants, source_lang)
        target = in_language(variants, self.target_lang)
        self.has_source = self.has_source or source is not None
        if source is None or source.content.is_empty:
            return
        if target is None:
            self.segments.append(self.added(source))
        elif target.content.is_empty or self.retranslate:
            self.segments.append(filled(self.xml, source.content, target.content))
        else:
            self.kept += 1

    def variants(self) -> Iterator[TextVariant]:
        for child in self.xml.children():
            contents = []
            for inner in self.xml.children():
                if child.name == "tuv" and inner.name == "seg":
                    contents.append(self.content.read(inner, fold=False))
                else:
                    self.xml.skip()
            if contents:
                yield TextVariant(child, self.xml.position, contents[0])

    def added(self, source: TextVariant) -> Segment:
        """The segment that adds a variant after that of the source."""
        language = escaped(self.target_lang, "").replace('"', "&quot;")
        indent = self.xml.indent(source.tag)
        before = f'{indent}<tuv {source.attribute}="{language}"><seg>'
        return inserted(self.xml, source.content, source.end, before, "</seg></tuv>")


def has_text(element: Token) -> bool:
    return element.name == "hi"


def chosen(element: Token, default: str) -> str:
    """The source language of an element, or the default if it leaves the language open."""
    language = element.attributes.get("srclang", ALL)
    return default if language == ALL else language


def in_language(variants: list[TextVariant], language: str) -> TextVariant | None:
    """The first variant in a language, or else in the nearest one that names it."""
    found = matching(language, [variant.lang for variant in variants])
    return next((variant for variant in variants if variant.lang in found), None)
