"""All projections of this room, in the order in which they are brought up to date."""

from __future__ import annotations

from gaugeblock.inspection.challenge_projection import ChallengeProjection
from gaugeblock.inspection.complaint_projection import ComplaintProjection
from gaugeblock.inspection.lot_membership_projection import LotMembershipProjection
from gaugeblock.inspection.modules_projection import ModulesProjection
from gaugeblock.inspection.nonconformity_projection import NonconformityProjection
from gaugeblock.inspection.projection import InspectionProjection
from gaugeblock.inspection.retention_projection import RetentionProjection
from gaugeblock.inspection.review_projection import ReviewProjection
from gaugeblock.inspection.sampling_projection import SamplingProjection
from gaugeblock.inspection.studies_projection import StudiesProjection
from gaugeblock.inspection.watch_projection import WatchProjection
from gaugeblock.plant.settings import Review
from gaugeblock.stores.projections import Projection


def inspection_projections(review: Review | None = None) -> list[Projection]:
    """One instance of each.

    Parameters
    ----------
    review
        The plant's settings of ``[review]``: they decide which verdicts are drawn.
    """
    return [
        InspectionProjection(),
        ReviewProjection(review or Review()),
        NonconformityProjection(),
        ComplaintProjection(),
        SamplingProjection(),
        StudiesProjection(),
        WatchProjection(),
        RetentionProjection(),
        ModulesProjection(),
        LotMembershipProjection(),
        ChallengeProjection(),
    ]
