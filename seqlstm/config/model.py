"""What a recipe may say of its model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from seqlstm.config.base import OneOrSeveral, Probability, Section, Several
from seqlstm.config.components import ComponentConfig, check_component, check_name


class DropoutConfig(Section):
    """`embedding`: on embeddings. `between`: between layers. `output`: on what the readout reads.

    `word`: on whole ids, as types: wherever one stands in a batch it is read as zeros.
    `recurrent`: weight drop on the recurrent matrices. `variational`: one mask a sequence.
    """

    word: Probability = 0.0
    embedding: Probability = 0.0
    between: Probability = 0.0
    output: Probability = 0.0
    recurrent: Probability = 0.0
    variational: bool = True


class ZoneoutConfig(Section):
    """Krueger et al. (2016): probabilities of a unit to keep its old value.

    `hidden`: of the output h. `memory`: of the rest of a cell's state.
    """

    hidden: Probability = 0.0
    memory: Probability = 0.0


class SoftmaxConfig(Section):
    """One choice among all ids."""

    kind: Literal["softmax"] = "softmax"


class AdaptiveSoftmaxConfig(Section):
    """The adaptive softmax (Grave et al., 2017). `cutoffs`: first ids of groups of rarer ids.

    Ids stand by falling frequency in models of words and characters, and about so in others.
    """

    kind: Literal["adaptive"]
    cutoffs: Several[PositiveInt]


class MixtureOfSoftmaxesConfig(Section):
    """A mixture of softmaxes (Yang et al., 2018)."""

    kind: Literal["mixture"]
    experts: Annotated[int, Field(ge=2)]


class EncoderOrDecoderConfig(Section):
    """What an encoder or a decoder has of its own; the model's keys stand for what is left out."""

    layers: PositiveInt | None = None
    hidden: PositiveInt | None = None


class EncoderConfig(EncoderOrDecoderConfig):
    """`hidden` counts both directions of a bidirectional encoder together.

    `reverse`: reads every source from its last id to its first, in one direction.
    """

    bidirectional: bool = True
    reverse: bool = False

    @model_validator(mode="after")
    def one_way(self) -> EncoderConfig:
        if self.reverse and self.bidirectional:
            raise ValueError("reverse cannot take effect where bidirectional reads in both ways")
        return self


class DecoderConfig(EncoderOrDecoderConfig):
    """`bridge`: its first state comes from the encoder's last; a plain one always begins so.

    `lexical`: the readout reads what the source words looked at say by themselves.
    """

    kind: Literal["parallel", "input-feeding", "bahdanau", "plain"] = "parallel"
    bridge: bool | None = None
    lexical: bool = False

    @model_validator(mode="after")
    def plain(self) -> DecoderConfig:
        if self.kind == "plain" and self.bridge is not None:
            raise ValueError("bridge cannot take effect: a plain decoder always has one")
        if self.kind == "plain" and self.lexical:
            raise ValueError("lexical cannot take effect: a plain decoder looks at no words")
        return self


class ModelConfig(Section):
    """`width`: of the embeddings. `hidden`: of every layer, or a list, from the lowest.

    `tied`: one table for embeddings and readout. In a translator "three-way" is that of source,
    target and readout, "two-way" that of target and readout: the source has its own. True is
    "three-way", or "two-way" where source and target have vocabularies of their own.
    """

    width: PositiveInt = 256
    hidden: OneOrSeveral[PositiveInt] = 512
    layers: PositiveInt = 1
    encoder: EncoderConfig | None = None
    decoder: DecoderConfig | None = None
    tied: Literal[True, False, "two-way", "three-way"] = True
    readout: Annotated[
        SoftmaxConfig | AdaptiveSoftmaxConfig | MixtureOfSoftmaxesConfig,
        Field(discriminator="kind"),
    ] = SoftmaxConfig()
    cell: Annotated[ComponentConfig, AfterValidator(check_component("cell"))] = Field(
        default_factory=lambda: {"kind": "lstm"}
    )
    attention: Annotated[ComponentConfig, AfterValidator(check_component("attention"))] | None = (
        None
    )
    connection: Literal["plain", "residual", "highway"] = "plain"
    backend: Annotated[str, AfterValidator(check_name("backend"))] = "auto"
    dropout: DropoutConfig = DropoutConfig()
    zoneout: ZoneoutConfig = ZoneoutConfig()

    @property
    def hidden_text(self) -> str:
        """The hidden size, or those of the layers, for people to read."""
        sizes = self.hidden if isinstance(self.hidden, tuple) else (self.hidden,)
        return " / ".join(f"{size:,}" for size in sizes)
