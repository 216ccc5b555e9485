"""An exposure of a model file: a treatment that starts during follow-up."""

from __future__ import annotations

from dataclasses import dataclass, field

from casepool.modelling.families.facts import DATA
from casepool.modelling.families.names import effect_of, log_intensity_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.specification.cautions import BY_LANDMARK, GUARD, arm_words

DATING = {
    "intensity": "there, an interval-censored transition with intensity exp({name}_log_intensity) per {unit}",
    "uniform": "there, every date equally likely",
    "early": "taken as the earliest date",
    "late": "taken as the latest date",
}
"""How each dating of an exposure reads, after "between ... and ...:"."""
AT_LANDMARK = {"early": "the earliest date counts", "late": "the latest date counts"}


@dataclass(frozen=True)
class Exposure:
    """A treatment that starts during follow-up; the fields are the keys of ``[exposure.<name>]``.

    What a graph sees of its dating is which parameters there are, and data.
    """

    name: str
    column: str = field(metadata=DATA)
    earliest: str = field(metadata=DATA, default="")
    latest: str = field(metadata=DATA, default="")
    start: str = field(metadata=DATA, default="")
    dating: str = field(metadata=DATA, default="intensity")
    undated: str = field(metadata=DATA, default="follow_up")
    as_: str = field(metadata=DATA, default="time_varying")
    landmark: float = field(metadata=DATA, default=0.0)
    report_start: float = field(metadata=DATA, default=0.0)

    @property
    def begins(self) -> bool:
        """Whether it counts from its start on; else patients are compared by what they had, or came to have."""
        return self.as_ == "time_varying"

    @property
    def modelled(self) -> bool:
        """Whether its start is a transition of the model, with an intensity."""
        return self.begins and self.dating == "intensity"

    @property
    def intensity(self) -> Parameter:
        """The log of the rate at which it begins, an unknown where that is modelled."""
        name = log_intensity_of(self.name)
        return Parameter(name, Role.INTENSITY, self.name, key=name)

    def columns(self) -> list[str]:
        """Return the columns it may read."""
        return [name for name in (self.column, self.earliest, self.latest, self.start) if name]

    def parameters(self) -> list[Parameter]:
        """Return its effect, and the intensity with which it begins if that is modelled."""
        effect = effect_of(self.name)
        return [Parameter(effect, Role.EFFECT, self.name, key=effect), *[self.intensity] * self.modelled]

    def guard(self, unit: str) -> str:
        """Return what is wrong with comparing patients by what they came to receive; "" where nothing is."""
        if self.as_ == "landmark":
            return BY_LANDMARK.format(unit=unit.removesuffix("s"), landmark=self.landmark)
        return "" if self.begins else GUARD

    def compared_arms(self, unit: str) -> tuple[str, str]:
        """Return what the two groups of patients it tells apart are called: never and ever, or by the landmark."""
        without, with_ = arm_words(self.name)
        if self.as_ != "landmark":
            return without, with_
        when = f"by {unit.removesuffix('s')} {self.landmark:g}"
        return f"not {with_} {when}", f"{with_} {when}"

    def equation(self, effects: str) -> str:
        """Write what it does to the hazard, or to time."""
        effect = effect_of(self.name)
        what = f"slows time to exp(-{effect})" if effects == "accelerated" else f"multiplies h(t) by exp({effect})"
        when = "from its start on" if self.begins else "from time zero on"
        if self.as_ == "landmark":
            when = f"where it started by {self.landmark:g}, all follow-up counting from there on"
        return f"{self.name} {what} {when}"

    def text(self, unit: str) -> str:
        """Say when it counts, how its date is known, and what guards its reading; `unit` that of the outcome."""
        if self.as_ == "landmark":
            dating = AT_LANDMARK.get(self.dating, "an interval reaching across it counts in proportion")
            when = f"{unit.removesuffix('s')} {self.landmark:g}"
            return f"`{self.column}` by {when}, {dating}; {self.guard(unit)}"
        if self.as_ == "baseline":
            dates = " and ".join(f"`{name}`" for name in (self.start, self.earliest, self.latest) if name)
            unused = f" ({dates}: checked, not used)" if dates else ""
            return f"`{self.column}`, counted from time zero on whenever it was{unused}; {self.guard(unit)}"
        text = f"`{self.column}`, counted from its start on"
        if self.start:
            text += f", at `{self.start}`"
        elif self.earliest:
            dating = DATING[self.dating].format(name=self.name, unit=unit.removesuffix("s"))
            text += f", between `{self.earliest}` and `{self.latest}`: {dating}"
        undated = "at any time of follow-up" if self.undated == "follow_up" else "refused"
        return f"{text}; without dates: {undated}; reported for a start at {self.report_start:g} {unit}"
