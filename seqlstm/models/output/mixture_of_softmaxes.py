"""The mixture-of-softmaxes output layer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from seqlstm.kernels.softmax import cross_entropy_with_grad, label_smoothed_nll, log_softmax
from seqlstm.models.output import fused_cross_entropy
from seqlstm.models.output.fused_cross_entropy import product_dtype
from seqlstm.models.output.softmax import OutputLayer
from seqlstm.nn.linear import Linear, linear


class MixtureOfSoftmaxes(OutputLayer):
    """A mixture of softmaxes (Yang et al., 2018, "Breaking the softmax bottleneck").

        p(id | g) = Σ_k π_k softmax_id(E h_k + b)     π = softmax(W_π g)     h_k = tanh(W_k g + b_k)

    The cost is that of one softmax for each expert.

    Args:
        input_size: features of one input, g.
        vocab_size: number of ids.
        num_experts: number of softmaxes.
        tied_embedding: as in `OutputLayer`; each h_k has the size of its table's rows.

    Raises:
        ValueError: there are fewer than two experts.
    """

    def __init__(
        self,
        input_size: int,
        vocab_size: int,
        *,
        num_experts: int,
        tied_embedding: nn.Embedding | None = None,
    ) -> None:
        super().__init__(input_size, vocab_size, tied_embedding=tied_embedding)
        if num_experts < 2:
            raise ValueError(f"experts must be two or more, were: {num_experts}")
        self.bottleneck = nn.Identity()  # not needed: `latent` maps to the size of the table
        self.num_experts = num_experts
        self.prior = Linear(input_size, num_experts, bias=False)
        self.latent = Linear(input_size, num_experts * self.weight.shape[1])

    def components(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(..., input_size) -> h (..., experts, features) and log π (..., experts)."""
        latent = self.latent(features).tanh().unflatten(-1, (self.num_experts, -1))
        return latent, log_softmax(self.prior(features))

    def forward(self, features: Tensor) -> Tensor:
        """(..., input_size) -> log-probabilities (..., vocabulary), expert by expert."""
        latent, log_prior = self.components(features)
        total: Tensor | None = None
        for h, log_pi in zip(latent.unbind(-2), log_prior.unbind(-1), strict=True):
            log_probs = log_softmax(linear(h, self.weight, self.bias)) + log_pi.unsqueeze(-1)
            total = log_probs if total is None else torch.logaddexp(total, log_probs)
        assert total is not None
        return total

    def loss(self, features: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
        """The summed cross-entropy, in nats, chunk by chunk.

        Raises:
            ValueError: label smoothing, which needs a plain softmax.
        """
        if label_smoothing:
            raise ValueError(f"label smoothing needs a plain softmax, was: {label_smoothing}")
        latent, log_prior = self.components(features)
        needs_grad = torch.is_grad_enabled() and (latent.requires_grad or self.weight.requires_grad)
        dtype = product_dtype(features, self.weight)
        loss: Tensor = MixtureCrossEntropy.apply(  # type: ignore[no-untyped-call]
            latent.to(dtype), log_prior, targets, self.weight, self.bias, needs_grad
        )
        return loss


class MixtureCrossEntropy(torch.autograd.Function):
    """Computes the gradients along with the loss, as `LinearCrossEntropy` does.

    The gradient of an expert's logits is that of a single softmax, times the expert's posterior.
    """

    @staticmethod
    def forward(
        ctx: Any,
        latent: Tensor,  # (tokens, experts, features)
        log_prior: Tensor,  # (tokens, experts)
        targets: Tensor,
        weight: Tensor,
        bias: Tensor,
        needs_grad: bool,
    ) -> Tensor:
        experts = latent.shape[1]
        rows = max(1, fused_cross_entropy.CHUNK // (len(weight) * experts))
        W = weight.to(latent.dtype)
        total = bias.new_zeros((), dtype=torch.promote_types(bias.dtype, torch.float32))
        d_latent, d_log_prior = torch.empty_like(latent), torch.empty_like(log_prior)
        d_weight, d_bias = torch.zeros_like(weight), torch.zeros_like(bias, dtype=total.dtype)
        for start in range(0, len(latent), rows):
            part = slice(start, start + rows)
            h = latent[part].flatten(0, 1)  # (tokens · experts, features)
            expert_targets = targets[part].repeat_interleave(experts)
            logits = h @ W.t()
            if not needs_grad:
                log_probs = (logits + bias).log_softmax(-1, dtype=total.dtype)
                losses = label_smoothed_nll(log_probs, expert_targets, 0.0)
            else:
                unweighted = torch.zeros_like(d_bias)  # not the gradient: without posteriors
                losses = cross_entropy_with_grad(logits, bias, expert_targets, 0.0, unweighted)
            log_joint = log_prior[part] - losses.view(-1, experts)
            total -= log_joint.logsumexp(-1).sum()
            if needs_grad:
                posterior = log_joint.softmax(-1)
                d_logits = logits.mul_(posterior.view(-1, 1).to(logits.dtype))
                d_bias += d_logits.sum(0, dtype=d_bias.dtype)
                d_latent[part] = (d_logits @ W).view_as(latent[part])
                d_weight += d_logits.t() @ h
                d_log_prior[part] = -posterior
        if needs_grad:
            ctx.save_for_backward(d_latent, d_log_prior, d_weight, d_bias)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = gradients
        d_latent, d_log_prior, d_weight, d_bias = (
            gradient * scale for gradient in ctx.saved_tensors
        )
        return d_latent, d_log_prior, None, d_weight, d_bias, None
