"""The tasks by name, as a recipe's `task` has it."""

from __future__ import annotations

from seqlstm.recipe.tasks.base import Task
from seqlstm.recipe.tasks.language_model import LanguageModelTask
from seqlstm.recipe.tasks.prompts import PromptsTask
from seqlstm.recipe.tasks.translation import TranslationTask

TASKS: dict[str, Task] = {
    "translation": TranslationTask(),
    "language-model": LanguageModelTask(),
    "prompts": PromptsTask(),
}
