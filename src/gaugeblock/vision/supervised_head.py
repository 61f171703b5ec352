"""What known defects teach about a part: one linear answer, which may raise a score and never lower it.

The other answers know good parts only. Once some dozens of defective parts are known, a picture is summed up by its
three answers and by what the network sees at its three strangest places, and a ridge regression on the two labels,
balanced, tells defective from good. Labels are those of whole pictures; no mask is needed. It is a small model with
a strong penalty on purpose: thirty defects are few for some hundreds of numbers.

The answer is fused by the larger. On the footing of held-out good parts it is laid so that the strangest of those
that the score passes stands just at the threshold: no held-out good part changes sides, the threshold stays where it
was, and whatever the score finds by itself, kinds of defect never seen among them, it still finds. The alarms that
are added are those of parts that look more like the known defects than any good part that was held out.

Hoerl and Kennard, Ridge regression (Technometrics 1970); Suykens and Vandewalle, Least squares support vector machine
classifiers (Neural Processing Letters 1999), for regression on balanced labels; Tukey, Nonparametric estimation II
(Annals of Mathematical Statistics 1947), for cutting one more block from an order statistic of another variable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

ANSWERS: tuple[str, ...] = ("patch_top", "head_top", "whole")
PLACES = 3
RIDGE = 4.0
SPREAD_FLOOR = 0.1
STANDARD_MAX = 8.0
SLOPE = 2.0
TINY = 1e-9
EXPONENT_MAX = 50.0

Matrix = npt.NDArray[np.float32]
Vector = npt.NDArray[np.float64]


def evidence(values: Mapping[str, float], places: Matrix, stages: Matrix) -> Matrix:
    """One picture, summed up.

    Parameters
    ----------
    values
        The answers by component name, see :func:`gaugeblock.vision.score_fusion.components`.
    places
        (cells,), how strange each place is, see ``place_map``.
    stages
        (stage channels, cells), the second output of the network.

    Returns
    -------
    (3 + stage channels,) float32: logarithms of the answers, mean of the stages at the strangest places.

    Examples
    --------
    >>> answers = dict.fromkeys(ANSWERS, 1.0)
    >>> evidence(answers, np.array([1.0, 9.0, 8.0, 7.0]), np.array([[0.0, 3.0, 6.0, 9.0]])).round(3).tolist()
    [0.0, 0.0, 0.0, 6.0]
    """
    strangest = np.argsort(-places, kind="stable")[:PLACES]
    logs = [np.log(values[name] + TINY) for name in ANSWERS]
    return np.concatenate([logs, stages[:, strangest].mean(axis=1, dtype=np.float64)]).astype(np.float32)


@dataclass(frozen=True)
class SupervisedHead:
    """The regression; ``rows`` (3, 3 + stage channels) float32 are centre, one over the spread, and weights."""

    rows: Matrix

    @classmethod
    def fit(cls, good: Matrix, defective: Matrix) -> SupervisedHead:
        """Train on evidence of good and of defective parts, (n, d) and (m, d); the same evidence, the same head.

        Examples
        --------
        >>> rng = np.random.default_rng(0)
        >>> good, bad = rng.standard_normal((200, 9)), rng.standard_normal((40, 9)) + np.eye(9)[4] * 3
        >>> head = SupervisedHead.fit(good, bad)
        >>> bool(np.median(head.answers(bad)) > np.quantile(head.answers(good), 0.9))
        True
        """
        centre, spread = good.mean(axis=0, dtype=np.float64), good.std(axis=0, dtype=np.float64)
        for block in (slice(len(ANSWERS)), slice(len(ANSWERS), None)):
            spread[block] += SPREAD_FLOOR * max(float(spread[block].mean()), TINY)
        inputs = _standard(np.concatenate([good, defective]), centre, 1 / spread)
        count, width = inputs.shape
        labels = np.repeat([-1.0, 1.0], [len(good), len(defective)])
        balance = np.repeat([count / 2 / len(good), count / 2 / len(defective)], [len(good), len(defective)])
        # Balanced labels have mean zero; the mean of the inputs is the one between the two labels.
        between = (balance @ inputs) / count
        weighted = (inputs - between) * np.sqrt(balance)[:, None]
        gram = weighted.T @ weighted + RIDGE * width * np.eye(width)
        weights = np.linalg.solve(gram, weighted.T @ (labels * np.sqrt(balance)))
        return cls(np.stack([centre, 1 / spread, weights]).astype(np.float32))

    def answers(self, rows: Matrix) -> Vector:
        """How much each row of evidence (n, d) is like the known defects, (n,); only differences mean something."""
        centre, inverse, weights = self.rows.astype(np.float64)
        return np.asarray(_standard(rows, centre, inverse) @ weights, dtype=np.float64)


class AlarmFooting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where an answer stands among scores: one of ``answer`` stands at ``score``, and grows from there by ``slope``."""

    answer: float
    score: float
    slope: float

    @classmethod
    def fit(cls, scores: Vector, answers: Vector, threshold: float) -> AlarmFooting:
        """From held-out good parts: the highest answer among those that are not above the threshold stands at it.

        >>> AlarmFooting.fit(np.array([1.0, 2.0, 4.0]), np.array([0.0, 0.5, 3.0]), threshold=2.0).answer
        0.5
        """
        passed = answers[scores <= threshold]
        spread = max(float(answers.std()), TINY)
        return cls(
            answer=float(passed.max()) if len(passed) else float(answers.max()),
            score=threshold,
            slope=SLOPE * float(np.log(scores + TINY).std()) / spread,
        )

    def raised(self, scores: npt.ArrayLike, answers: npt.ArrayLike) -> Vector:
        """The larger of score and answer; never below the score.

        >>> AlarmFooting(answer=1.0, score=2.0, slope=0.1).raised([1.5, 3.0], [1.0, 0.0]).tolist()
        [2.0, 3.0]
        """
        exponent = np.minimum(self.slope * (np.asarray(answers, np.float64) - self.answer), EXPONENT_MAX)
        return np.asarray(np.maximum(scores, self.score * np.exp(exponent)), dtype=np.float64)


def _standard(rows: npt.ArrayLike, centre: Vector, inverse: Vector) -> Vector:
    """In spreads of good parts, and no further than any regression should be asked to reach."""
    return np.asarray(np.clip((np.asarray(rows, np.float64) - centre) * inverse, -STANDARD_MAX, STANDARD_MAX))
