"""The recipe's section `model`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PositiveInt, model_validator

from seqlstm.config.base import LayerCount, OneOrSeveral, Probability, Section, Several
from seqlstm.config.components import ComponentConfig, check_choice, check_component


class DropoutConfig(Section):
    """Probabilities of dropout while training.

    `word`: on whole rows of the embedding table (Gal & Ghahramani, 2016).
    `embedding`: on the features of embeddings.
    `inter_layer`: on the outputs of each recurrent layer that the next layer reads.
    `output`: on the features that the output layer reads.
    `weight_drop`: on the recurrent weight matrices, DropConnect (Merity, Keskar & Socher, 2018).
    `variational`: whether one dropout mask holds for all time steps of a sequence (Gal &
    Ghahramani, 2016); if false, each step has its own.
    """

    word: Probability = 0.0
    embedding: Probability = 0.0
    inter_layer: Probability = 0.0
    output: Probability = 0.0
    weight_drop: Probability = 0.0
    variational: bool = True


class ZoneoutConfig(Section):
    """Zoneout (Krueger et al., 2016): probabilities that a unit keeps its previous value.

    `hidden`: for units of the output h.
    `memory`: for units of the rest of the state, such as c.
    """

    hidden: Probability = 0.0
    memory: Probability = 0.0


class SoftmaxConfig(Section):
    """A softmax over the whole vocabulary."""

    kind: Literal["softmax"] = "softmax"


class AdaptiveSoftmaxConfig(Section):
    """The adaptive softmax (Grave et al., 2017): rare ids are predicted in two stages.

    `cutoffs`: rising list with the first id of each group of rare ids; the ids before the first
    cutoff are predicted in one stage. Tokenizers of words and characters number their pieces by
    falling frequency, others roughly so.
    """

    kind: Literal["adaptive-softmax"]
    cutoffs: Several[PositiveInt]


class MixtureOfSoftmaxesConfig(Section):
    """A mixture of softmaxes (Yang et al., 2018).

    `num_experts`: number of softmaxes.
    """

    kind: Literal["mixture-of-softmaxes"]
    num_experts: Annotated[int, Field(ge=2)]


class EncoderOrDecoderConfig(Section):
    """Sizes of an encoder or a decoder that differ from the model's."""

    num_layers: LayerCount | None = None
    hidden_size: PositiveInt | None = None


class EncoderConfig(EncoderOrDecoderConfig):
    """The encoder of a translator.

    `num_layers`: number of layers; by default `model.num_layers`.
    `hidden_size`: features of each layer's output, of both directions together if the encoder is
    bidirectional; by default `model.hidden_size`.
    `bidirectional`: whether each layer reads the source in both directions (Schuster & Paliwal,
    1997).
    `reverse`: whether a unidirectional encoder reads the source from its end (Sutskever, Vinyals &
    Le, 2014).
    """

    bidirectional: bool = True
    reverse: bool = False

    @model_validator(mode="after")
    def check_direction(self) -> EncoderConfig:
        if self.reverse and self.bidirectional:
            raise ValueError("reverse cannot take effect where bidirectional reads in both ways")
        return self


class DecoderConfig(EncoderOrDecoderConfig):
    """The decoder of a translator.

    `kind`: "parallel", whose first layer alone queries the attention, so that training runs each
    layer over all steps at once (Wu et al., 2016); "input-feeding" (Luong, Pham & Manning, 2015);
    "bahdanau" (Bahdanau, Cho & Bengio, 2015); "no-attention" (Sutskever, Vinyals & Le, 2014).
    `num_layers`: number of layers; by default `model.num_layers`.
    `hidden_size`: features of each layer's output; by default `model.hidden_size`.
    `bridge`: whether its first state is computed from the encoder's last state (Bahdanau, Cho &
    Bengio, 2015); by default it is zero. The kind "no-attention" always has a bridge.
    `lexical`: whether attention-weighted source embeddings join the features of the output layer
    (Nguyen & Chiang, 2018).
    """

    kind: Literal["parallel", "input-feeding", "bahdanau", "no-attention"] = "parallel"
    bridge: bool | None = None
    lexical: bool = False

    @model_validator(mode="after")
    def check_attention(self) -> DecoderConfig:
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
    """The model: embeddings, recurrent layers, attention and output layer.

    `embedding_dim`: features of an embedding.
    `hidden_size`: features of each layer's output; for a language model also a list with a size for
    each layer, from the lowest.
    `num_layers`: number of recurrent layers; of a translator, in the encoder and in the decoder.
    `encoder`: size and direction of a translator's encoder.
    `decoder`: kind and size of a translator's decoder.
    `tie_embeddings`: whether embeddings and output layer share one matrix (Press & Wolf, 2017). In
    a translator, "three-way" shares that of source, target and output layer, "two-way" that of
    target and output layer; true is "three-way", or "two-way" if source and target have separate
    vocabularies.
    `output`: the output layer.
    `cell`: the recurrent cell or residual block, with its options; by default an LSTM.
    `attention`: the attention of a translator's decoder, with its options (Luong, Pham & Manning,
    2015; "additive": Bahdanau, Cho & Bengio, 2015); by default "general".
    `connection`: how a layer's input joins its output where both have one size: not at all, by a
    sum (residual; He et al., 2016), or by a gate (highway; Srivastava, Greff & Schmidhuber, 2015).
    `backend`: the implementation that runs the layers; "auto" chooses the fastest that supports
    the cell.
    `dropout`: probabilities of dropout.
    `zoneout`: probabilities of zoneout.
    """

    embedding_dim: PositiveInt = 256
    hidden_size: OneOrSeveral[PositiveInt] = 512
    num_layers: LayerCount = 1
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
        """The hidden size, or that of each layer, for display."""
        sizes = self.hidden_size if isinstance(self.hidden_size, tuple) else (self.hidden_size,)
        return " / ".join(f"{size:,}" for size in sizes)
