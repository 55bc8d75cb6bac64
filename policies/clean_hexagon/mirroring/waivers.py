"""Accepted divergences are debt that somebody owns and that ends (HEX105)."""

from clean_hexagon.options import Options
from policyengine.api import Acceptance, Compared, Finding, Fix, Graph, Outcomes, Severity, rule


@rule(
    "HEX105",
    mandate="1.1",
    severity=Severity.WARNING,
    remedy="Give the waiver an owner and a date of expiry, or mend what it covers.",
    precision="very-high",
    message={
        "default": "The waiver of '{rule}' lacks '{what}'.",
        "expired": "The waiver of '{rule}' expired on '{day}'; the divergence is debt.",
        "off": "'{rule}' is switched off for good, without reason, owner or expiry.",
    },
)
def undocumented_waiver(graph: Graph, _: Options) -> Outcomes:
    """A divergence is accepted without owner or expiry, or longer than it was to be.

    Each difference between the laptop and the cloud is debt: a waiver says why it is accepted, who will mend it and
    until when. What is switched off is forgotten.

    Asked of `waivers` and of comments that waive (`# policyengine: ignore[HEX403] …`), none of which can be without a
    reason, of `ignore.rules`, and of rules whose severity is `off`. A rule that is off in some paths only passes, as do
    findings of another severity.
    """
    for waiver in graph.all(Acceptance):
        yield Compared(waiver)
        about = f"{waiver.name} for {waiver.about}" if waiver.about else waiver.name
        lacking = [what for what, given in (("owner", waiver.owner), ("expires", waiver.expires)) if not given]
        if waiver.off:
            fix = Fix("waive what it finds, each with reason, owner and expires")
            yield Finding(subject=waiver, at=waiver, variant="off", args={"rule": waiver.name}, fix=fix)
        elif waiver.expired:
            args = {"rule": about, "day": waiver.expires}
            fix = Fix("mend what it covers")
            yield Finding(subject=waiver, at=waiver, variant="expired", args=args, about="waiver", fix=fix)
        elif lacking:
            fix = Fix(f"say {' and '.join(lacking)}")
            args = {"rule": about, "what": ", ".join(lacking)}
            yield Finding(subject=waiver, at=waiver, args=args, about="waiver", fix=fix)
