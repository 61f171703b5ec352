"""A small classifier of cells, trained on defects drawn on good parts: does this place look like a defect?

Distances to good parts say how unlike a place is, and take each direction of the feature space as equally
suspicious. The head has seen what holes, lines, smears and the like do to the features of *these* parts, and what
their ordinary variation does. It reads stages 3 to 6 of the network, contrast included, and is a network of one
hidden layer over each cell by itself; the two answers are fused (see ``score_fusion``), because drawn defects are
not those that will come.

Cells of drawn defects are weighted so that a large defect does not count as many small ones; good cells come from
untouched places of the same pictures and from the clean pictures. Adam with a falling step, a third of the inputs
left out at random in each step, weight decay; several members from different starts are averaged, which evens out
what chance there is in one. All of it is a few seconds of matrix products.

Kingma and Ba, Adam (ICLR 2015); Srivastava et al., Dropout (JMLR 2014); Liu et al., SimpleNet (CVPR 2023) for
a discriminator on features of good parts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

HIDDEN = 48
MEMBERS = 3
EPOCHS, STEPS_MIN = 4, 200
BATCH_MIN, BATCH_MAX, BATCH_SHARE = 64, 512, 32
STEP = 1e-3
DECAY = 1e-3
LEFT_OUT = 0.3
SMOOTHING = 0.02
SPREAD_FLOOR = 1e-3
LOGIT_MAX = 30.0

Matrix = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Cells:
    """Training cells: (n, channels) float32 with (n,) labels (1 defective) and weights."""

    stages: Matrix
    defective: Matrix
    weights: Matrix


class DefectHead:
    """One hidden layer over each cell.

    Parameters
    ----------
    inward
        (hidden, channels + 1) float32; the last column is added.
    outward
        (hidden + 1,) float32; the last value is added.
    """

    def __init__(self, inward: Matrix, outward: Matrix) -> None:
        self.inward, self.outward = inward, outward
        self._weights, self._bias = np.ascontiguousarray(inward[:, :-1]), np.ascontiguousarray(inward[:, -1:])

    def logits(self, stages: Matrix) -> Matrix:
        """Log-odds that a cell is defective.

        Parameters
        ----------
        stages
            (channels, cells) float32, as :class:`gaugeblock.vision.embedding.Embedded` has them.

        Returns
        -------
        (cells,) float32.
        """
        hidden = self._weights @ stages
        hidden += self._bias
        np.maximum(hidden, 0, out=hidden)
        return np.asarray(self.outward[:-1] @ hidden + self.outward[-1], dtype=np.float32)

    @classmethod
    def fit(cls, cells: Cells, seed: int) -> DefectHead:
        """Train; same cells and seed, same head.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> x = rng.standard_normal((4000, 6)).astype(np.float32)
        >>> y = (x[:, 0] > 0.5).astype(np.float32)
        >>> head = DefectHead.fit(Cells(x, y, np.ones(4000, np.float32)), seed=1)
        >>> found = head.logits(np.ascontiguousarray(x.T))
        >>> bool(np.median(found[y == 1]) > np.quantile(found[y == 0], 0.9))
        True
        """
        good = cells.defective == 0
        centre = cells.stages[good].mean(axis=0)
        spread = cells.stages[good].std(axis=0)
        spread = spread + SPREAD_FLOOR * max(float(spread.mean()), SPREAD_FLOOR)
        inputs = (cells.stages - centre) / spread
        weights = _balanced(cells)
        network = _Members(inputs.shape[1], seed)
        network.train(inputs, cells.defective, weights)
        # The scaling of the inputs is taken into the first layer, the mean of the members into the second.
        scaled = network.inward / spread[:, None]
        added = network.bias - centre @ scaled
        return cls(
            np.ascontiguousarray(np.concatenate([scaled, added[None]]).T, dtype=np.float32),
            np.concatenate([network.outward.ravel() / MEMBERS, [network.shift.mean()]]).astype(np.float32),
        )


def _balanced(cells: Cells) -> Matrix:
    """Both labels weigh the same in sum; the mean weight is one."""
    weights = cells.weights.astype(np.float64)
    for label in (0, 1):
        one = cells.defective == label
        weights[one] /= max(float(weights[one].sum()), SPREAD_FLOOR)
    return np.asarray(weights / weights.mean(), dtype=np.float32)


class _Members:
    """Networks from different starts, trained side by side on the same batches."""

    def __init__(self, channels: int, seed: int) -> None:
        self.rng = rng = np.random.default_rng(seed)
        width = MEMBERS * HIDDEN
        self.inward: Matrix = (rng.standard_normal((channels, width)) * np.sqrt(2 / channels)).astype(np.float32)
        self.bias: Matrix = np.zeros(width, np.float32)
        self.outward: Matrix = (rng.standard_normal((MEMBERS, HIDDEN)) * np.sqrt(1 / HIDDEN)).astype(np.float32)
        self.shift: Matrix = np.zeros(MEMBERS, np.float32)

    def train(self, inputs: Matrix, labels: Matrix, weights: Matrix) -> None:
        # Few cells, small batches: as many steps, a smaller cost.
        batch = min(max(BATCH_MIN, min(BATCH_MAX, len(inputs) // BATCH_SHARE)), len(inputs))
        parameters = [self.inward, self.bias, self.outward, self.shift]
        means, squares = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
        targets = labels * np.float32(1 - 2 * SMOOTHING) + np.float32(SMOOTHING)
        steps = len(inputs) // batch
        epochs = max(EPOCHS, -(-STEPS_MIN // steps))
        total, step = epochs * steps, 0
        kept = np.float32(1 / (1 - LEFT_OUT))
        for _ in range(epochs):
            order = self.rng.permutation(len(inputs))
            for start in range(0, steps * batch, batch):
                chosen = order[start : start + batch]
                mask = self.rng.random((batch, inputs.shape[1]), dtype=np.float32) >= LEFT_OUT
                x = np.asarray(inputs[chosen] * mask * kept, dtype=np.float32)
                gradients = self._gradients(x, targets[chosen], weights[chosen] / np.float32(batch))
                step += 1
                rate = STEP * 0.5 * (1 + np.cos(np.pi * step / total))
                for i, (parameter, gradient) in enumerate(zip(parameters, gradients, strict=True)):
                    means[i] += np.float32(0.1) * (gradient - means[i])
                    squares[i] += np.float32(0.001) * (gradient * gradient - squares[i])
                    root = np.sqrt(squares[i] / np.float32(1 - 0.999**step)) + np.float32(1e-8)
                    change = means[i] / np.float32(1 - 0.9**step) / root
                    if parameter.ndim == 2:
                        change = change + np.float32(DECAY) * parameter
                    parameter -= np.float32(rate) * change

    def _gradients(self, x: Matrix, targets: Matrix, weights: Matrix) -> tuple[Matrix, Matrix, Matrix, Matrix]:
        hidden = np.maximum(x @ self.inward + self.bias, 0).reshape(len(x), MEMBERS, HIDDEN)
        logits = np.einsum("bmh,mh->bm", hidden, self.outward) + self.shift
        chance = 1 / (1 + np.exp(-np.clip(logits, -LOGIT_MAX, LOGIT_MAX)))
        error = (chance - targets[:, None]) * weights[:, None]
        back = (error[:, :, None] * self.outward * (hidden > 0)).reshape(len(x), -1)
        return x.T @ back, back.sum(axis=0), np.einsum("bm,bmh->mh", error, hidden), error.sum(axis=0)
