"""What a recipe may say of its model."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from seqlstm.config.base import OneOrSeveral, Probability, Section, Several
from seqlstm.config.components import ComponentConfig, check_choice, check_component


class DropoutConfig(Section):
    """Probabilities of dropout while training.

    `embedding`: on embeddings. `inter_layer`: between layers. `output`: before the output layer.
    `word`: on whole rows of the embedding table (Gal & Ghahramani, 2016). `weight_drop`: on the
    recurrent weight matrices (Merity et al., 2018). `variational`: one mask for a sequence.
    """

    word: Probability = 0.0
    embedding: Probability = 0.0
    inter_layer: Probability = 0.0
    output: Probability = 0.0
    weight_drop: Probability = 0.0
    variational: bool = True


class ZoneoutConfig(Section):
    """Krueger et al. (2016): probabilities of a unit to keep its old value.

    `hidden`: of the output h. `memory`: of the rest of the state, such as c.
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

    kind: Literal["adaptive-softmax"]
    cutoffs: Several[PositiveInt]


class MixtureOfSoftmaxesConfig(Section):
    """A mixture of softmaxes (Yang et al., 2018)."""

    kind: Literal["mixture-of-softmaxes"]
    num_experts: Annotated[int, Field(ge=2)]


class EncoderOrDecoderConfig(Section):
    """What an encoder or a decoder has of its own; the model's keys stand for what is left out."""

    num_layers: PositiveInt | None = None
    hidden_size: PositiveInt | None = None


class EncoderConfig(EncoderOrDecoderConfig):
    """`hidden_size` counts both directions of a bidirectional encoder together.

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
    """`bridge`: its first state is made from the encoder's last; without attention, always.

    `lexical`: attention-weighted source embeddings join the features of the output layer.
    """

    kind: Literal["parallel", "input-feeding", "bahdanau", "no-attention"] = "parallel"
    bridge: bool | None = None
    lexical: bool = False

    @model_validator(mode="after")
    def without_attention(self) -> DecoderConfig:
        if self.kind == "no-attention" and self.bridge is not None:
            raise ValueError(
                "bridge cannot take effect: a decoder without attention always has one"
            )
        if self.kind == "no-attention" and self.lexical:
            raise ValueError(
                "lexical cannot take effect: a decoder without attention looks at no words"
            )
        return self


class ModelConfig(Section):
    """`hidden_size`: of every layer, or a list, from the lowest.

    `tie_embeddings`: embeddings and output layer share one matrix. In a translator "three-way" is
    that of source, target and output layer, "two-way" that of target and output layer. True is
    "three-way", or "two-way" where source and target have vocabularies of their own.
    """

    embedding_dim: PositiveInt = 256
    hidden_size: OneOrSeveral[PositiveInt] = 512
    num_layers: PositiveInt = 1
    encoder: EncoderConfig | None = None
    decoder: DecoderConfig | None = None
    tie_embeddings: Literal[True, False, "two-way", "three-way"] = True
    output: Annotated[
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
    backend: Annotated[str, AfterValidator(check_choice("backend", "auto"))] = "auto"
    dropout: DropoutConfig = DropoutConfig()
    zoneout: ZoneoutConfig = ZoneoutConfig()

    @property
    def hidden_size_text(self) -> str:
        """The hidden size, or those of the layers, for people to read."""
        sizes = self.hidden_size if isinstance(self.hidden_size, tuple) else (self.hidden_size,)
        return " / ".join(f"{size:,}" for size in sizes)
