"""Builders of optimizer, schedule, weight averaging and training plan."""

from __future__ import annotations

from torch import nn
from torch.optim import Optimizer

from seqlstm.config.training import (
    CheckpointAveragingConfig,
    DecayScheduleConfig,
    ExponentialAveragingConfig,
    InverseSquareRootScheduleConfig,
    PlateauScheduleConfig,
    TrainingConfig,
    TriggeredAveragingConfig,
)
from seqlstm.training import averaging
from seqlstm.training.optimizer import make_optimizer
from seqlstm.training.progress import TrainingPlan
from seqlstm.training.schedule import Schedule


def build_optimizer(training: TrainingConfig, model: nn.Module) -> Optimizer:
    return make_optimizer(model, **training.optimizer.model_dump())


def build_schedule(training: TrainingConfig) -> Schedule:
    table = training.schedule
    match table:
        case DecayScheduleConfig():
            return Schedule(table.kind, table.warmup_steps, floor=table.min_lr_ratio)
        case InverseSquareRootScheduleConfig():
            return Schedule(table.kind, table.warmup_steps)
        case PlateauScheduleConfig():
            return Schedule(table.kind, table.warmup_steps, factor=table.factor)
        case _:
            return Schedule("constant", table.warmup_steps)


def build_average(training: TrainingConfig) -> averaging.NoAveraging:
    match training.averaging:
        case ExponentialAveragingConfig(decay=decay):
            return averaging.ExponentialAveraging(decay)
        case CheckpointAveragingConfig(checkpoints=checkpoints):
            return averaging.CheckpointAveraging(checkpoints)
        case TriggeredAveragingConfig(patience=patience):
            return averaging.TriggeredAveraging(patience)
        case _:
            return averaging.NoAveraging()


def build_plan(training: TrainingConfig) -> TrainingPlan:
    schedule = training.schedule
    return TrainingPlan(
        steps=training.steps,
        epochs=training.epochs,
        minutes=training.minutes,
        learning_rate=training.optimizer.learning_rate,
        max_grad_norm=training.max_grad_norm,
        gradient_accumulation=training.gradient_accumulation,
        validate_every=training.validate_every,
        save_every=training.save_every,
        patience=training.patience,
        metric=training.metric,
        plateau_patience=schedule.patience if isinstance(schedule, PlateauScheduleConfig) else None,
    )
