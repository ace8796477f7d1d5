"""The recipe's section `training`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import (
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    model_validator,
)

from seqlstm.config.base import Probability, Section, Two


class AdamConfig(Section):
    """Adam (Kingma & Ba, 2015); AdamW, with decoupled weight decay (Loshchilov & Hutter, 2019).

    `learning_rate`: the rate that the schedule multiplies.
    `betas`: decay rates of the running means of the gradient and of its square.
    `weight_decay`: coefficient of the decay of weight matrices; biases are left alone.
    """

    kind: Literal["adam", "adamw"] = "adam"
    learning_rate: PositiveFloat = 1e-3
    betas: Two[Probability] = (0.9, 0.999)
    weight_decay: NonNegativeFloat = 0.0


class SGDConfig(Section):
    """Stochastic gradient descent.

    `learning_rate`: the rate that the schedule multiplies.
    `momentum`: share of the previous update that is added to the next.
    `weight_decay`: coefficient of the L2 penalty on weight matrices; biases are left alone.
    """

    kind: Literal["sgd"] = "sgd"
    learning_rate: PositiveFloat
    momentum: Probability = 0.0
    weight_decay: NonNegativeFloat = 0.0


class ConstantScheduleConfig(Section):
    """A constant learning rate.

    `warmup_steps`: steps at the start in which the rate rises linearly.
    """

    kind: Literal["constant"] = "constant"
    warmup_steps: NonNegativeInt = 0


class DecayScheduleConfig(Section):
    """Linear decay, or cosine decay (Loshchilov & Hutter, 2017), over the whole training.

    `warmup_steps`: steps at the start in which the rate rises linearly.
    `min_lr_ratio`: the last learning rate divided by the highest.
    """

    kind: Literal["linear", "cosine"]
    warmup_steps: NonNegativeInt = 0
    min_lr_ratio: Probability = 0.0


class InverseSquareRootScheduleConfig(Section):
    """The learning rate falls as the inverse square root of the step (Vaswani et al., 2017).

    `warmup_steps`: steps at the start in which the rate rises linearly, before the decay begins.
    """

    kind: Literal["inverse-square-root"]
    warmup_steps: PositiveInt


class PlateauScheduleConfig(Section):
    """The learning rate falls when validations stop to improve.

    `warmup_steps`: steps at the start in which the rate rises linearly.
    `factor`: number that the learning rate is multiplied by at each reduction.
    `patience`: validations without a better value of `training.metric` before a reduction.
    """

    kind: Literal["plateau"]
    warmup_steps: NonNegativeInt = 0
    factor: Probability = 0.5
    patience: PositiveInt = 2


class ExponentialAveragingConfig(Section):
    """An exponential moving average of the weights (Polyak & Juditsky, 1992).

    `decay`: share of the average that is kept at each step; lower in the first steps.
    """

    kind: Literal["exponential"]
    decay: Probability = 0.999


class CheckpointAveragingConfig(Section):
    """The mean of the weights at the last validations.

    `checkpoints`: number of validations.
    """

    kind: Literal["last"]
    checkpoints: PositiveInt = 5


class TriggeredAveragingConfig(Section):
    """The mean of the weights of all steps since validations stopped to improve.

    With "sgd" at a constant learning rate it is NT-ASGD (Merity, Keskar & Socher, 2018).

    `patience`: averaging begins after a validation that is worse than the best of all validations
    before the last `patience` ones.
    """

    kind: Literal["triggered"]
    patience: PositiveInt = 5


class RegularizersConfig(Section):
    """Penalties on the last layer's outputs (Merity, McCann & Socher, 2017).

    Reported losses do not include them.

    `activation`: coefficient α of AR, the mean square of the outputs after dropout.
    `temporal`: coefficient β of TAR, the mean square of the change of the outputs, before dropout,
    from step to step.
    """

    activation: NonNegativeFloat = 0.0
    temporal: NonNegativeFloat = 0.0


class TrainingConfig(Section):
    """How the model is trained: length, optimizer, schedule, validation and checkpoints.

    `steps`: number of updates after which training ends; of steps, epochs and minutes at least one
    is required, and the first reached ends it.
    `epochs`: number of passes over the training split after which training ends.
    `minutes`: minutes after which training ends; validation and saving count.
    `optimizer`: the optimizer.
    `schedule`: how the learning rate changes over the training.
    `max_grad_norm`: gradients of a larger norm, all together, are scaled down to it (Pascanu,
    Mikolov & Bengio, 2013).
    `gradient_accumulation`: number of batches of one update.
    `label_smoothing`: share of the target probability that is spread over the whole vocabulary
    (Szegedy et al., 2016).
    `regularizers`: penalties on the outputs of a language model; by default none.
    `averaging`: average of the weights, used for validation and kept as the run's weights; by
    default none.
    `validate_every`: steps between validations; by default there are none.
    `save_every`: steps between checkpoints; there is also one after each validation with a new best
    value, and at the end.
    `patience`: training ends after so many validations without a new best value; by default it does
    not.
    `metric`: the value of a validation by which the best weights are chosen.
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
    def check_end(self) -> TrainingConfig:
        if not (self.steps or self.epochs or self.minutes):
            raise ValueError("one of steps, epochs or minutes must end it")
        return self

    @model_validator(mode="after")
    def check_validation(self) -> TrainingConfig:
        needs_validation = {
            "patience": self.patience is not None,
            "metric": self.metric != "loss",
            'schedule.kind = "plateau"': isinstance(self.schedule, PlateauScheduleConfig),
            'averaging.kind = "last"': isinstance(self.averaging, CheckpointAveragingConfig),
            'averaging.kind = "triggered"': isinstance(self.averaging, TriggeredAveragingConfig),
        }
        keys = [key for key, is_set in needs_validation.items() if is_set]
        if keys and self.validate_every is None:
            raise ValueError(f"{', '.join(keys)} cannot take effect without validate_every")
        return self
