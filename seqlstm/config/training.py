"""What a recipe may say of its training: optimizer, schedule, averages, and when things happen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from seqlstm.config.base import Count, NotNegative, Probability, Section, Two


class AdamConfig(Section):
    """Kingma & Ba (2015); `adamw`: Loshchilov & Hutter (2019)."""

    kind: Literal["adam", "adamw"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    betas: Two[Probability] = (0.9, 0.999)
    weight_decay: NotNegative = 0.0


class SGDConfig(Section):
    kind: Literal["sgd"] = "sgd"
    learning_rate: PositiveFloat
    momentum: Probability = 0.0
    weight_decay: NotNegative = 0.0


class ConstantScheduleConfig(Section):
    kind: Literal["constant"] = "constant"
    warmup_steps: Count = 0


class DecayScheduleConfig(Section):
    """From the full rate to `min_lr_ratio` times it, by the share of the training that is done."""

    kind: Literal["linear", "cosine"]
    warmup_steps: Count = 0
    min_lr_ratio: Probability = 0.0


class InverseSquareRootScheduleConfig(Section):
    """Vaswani et al. (2017): the rate falls as one over the root of the steps after the warm-up."""

    kind: Literal["inverse-square-root"]
    warmup_steps: PositiveInt


class PlateauScheduleConfig(Section):
    """The rate is multiplied by `factor` after `patience` validations without a better one."""

    kind: Literal["plateau"]
    warmup_steps: Count = 0
    factor: Probability = 0.5
    patience: PositiveInt = 2


class ExponentialAveragingConfig(Section):
    """An average that forgets by `decay` a step (Polyak & Juditsky, 1992)."""

    kind: Literal["exponential"]
    decay: Probability = 0.999


class CheckpointAveragingConfig(Section):
    """The mean of the weights at the last so many validations."""

    kind: Literal["last"]
    checkpoints: PositiveInt = 5


class TriggeredAveragingConfig(Section):
    """The mean since the first validation worse than the best of all but the `patience` before it.

    With `sgd` at a constant rate it is NT-ASGD (Merity, Keskar & Socher, 2018).
    """

    kind: Literal["triggered"]
    patience: PositiveInt = 5


class RegularizersConfig(Section):
    """On the last layer's outputs (Merity, McCann & Socher, 2017); no part of any loss reported.

    `activation`: AR's alpha, on their size, dropped. `temporal`: TAR's beta, on their change from
    step to step, before dropout.
    """

    activation: NotNegative = 0.0
    temporal: NotNegative = 0.0


class TrainingConfig(Section):
    """`steps`, `epochs`, `minutes` (of the clock): the first reached ends it.

    `validate_every`, `save_every`: in steps. `patience`: validations without a better one.
    `gradient_accumulation`: batches a step.
    """

    steps: PositiveInt | None = None
    epochs: PositiveInt | None = None
    minutes: PositiveFloat | None = None
    optimizer: Annotated[AdamConfig | SGDConfig, Field(discriminator="kind")] = AdamConfig()
    schedule: Annotated[
        ConstantScheduleConfig
        | DecayScheduleConfig
        | InverseSquareRootScheduleConfig
        | PlateauScheduleConfig,
        Field(discriminator="kind"),
    ] = ConstantScheduleConfig()
    max_grad_norm: PositiveFloat | None = 1.0
    gradient_accumulation: PositiveInt = 1
    label_smoothing: Probability = 0.0
    regularizers: RegularizersConfig | None = None
    averaging: (
        Annotated[
            ExponentialAveragingConfig | CheckpointAveragingConfig | TriggeredAveragingConfig,
            Field(discriminator="kind"),
        ]
        | None
    ) = None
    validate_every: PositiveInt | None = None
    save_every: PositiveInt = 500
    patience: PositiveInt | None = None
    metric: Literal["loss", "bleu", "chrf", "bits_per_byte", "accuracy"] = "loss"

    @model_validator(mode="after")
    def ends(self) -> TrainingConfig:
        if not (self.steps or self.epochs or self.minutes):
            raise ValueError("one of steps, epochs or minutes must end it")
        return self

    @model_validator(mode="after")
    def validates(self) -> TrainingConfig:
        idle = {
            "patience": self.patience is not None,
            "metric": self.metric != "loss",
            'schedule.kind = "plateau"': isinstance(self.schedule, PlateauScheduleConfig),
            'averaging.kind = "last"': isinstance(self.averaging, CheckpointAveragingConfig),
            'averaging.kind = "triggered"': isinstance(self.averaging, TriggeredAveragingConfig),
        }
        named = [key for key, given in idle.items() if given]
        if named and self.validate_every is None:
            raise ValueError(f"{', '.join(named)} cannot take effect without validate_every")
        return self
