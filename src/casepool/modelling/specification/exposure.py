"""An exposure of a model file: a treatment that starts during follow-up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from casepool.modelling.families.facts import DATA
from casepool.modelling.families.names import effect_of, log_intensity_of
from casepool.modelling.families.parameters import Parameter, Role
from casepool.modelling.specification.cautions import BY_LANDMARK, guard
from casepool.modelling.specification.outcome import Outcome

DATING = {
    "intensity": "there, an interval-censored transition with intensity exp({name}_log_intensity) per {unit}",
    "uniform": "there, every date equally likely",
    "early": "taken as the earliest date",
    "late": "taken as the latest date",
}
"""How each dating of an exposure reads, after "between ... and ...:"."""
TYPICAL = "median known or mid-interval start"
"""When the reported strategy starts if the model file does not say it."""
AT_LANDMARK = {"early": "the earliest date counts", "late": "the latest date counts"}


@dataclass(frozen=True)
class Exposure:
    """A treatment that starts during follow-up; the fields are the keys of ``[exposure.<name>]``.

    What a graph sees of its dating is which parameters there are, and data. `what` it is called in a sentence and what
    was `done` to those who had it may be empty; `report_start` is None where the cases say it.
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
    report_start: float | None = field(metadata=DATA, default=None)
    what: str = field(metadata=DATA, default="")
    done: str = field(metadata=DATA, default="")

    @property
    def called(self) -> str:
        """What it is called in a sentence."""
        return self.what or self.name.replace("_", " ")

    @property
    def arms(self) -> tuple[str, str]:
        """What patients who never had it, and those who had it, are called."""
        if self.done:
            return f"never {self.done}", self.done
        return f"without {self.called}", f"with {self.called}"

    @property
    def who(self) -> str:
        """Who had it, as it follows "whoever"."""
        return f"was {self.done}" if self.done else f"had {self.called}"

    def worded(self, what: str, done: str) -> Exposure:
        """Return the exposure with other words where it has none of its own."""
        return replace(self, what=self.what or what, done=self.done or done)

    @property
    def begins(self) -> bool:
        """Whether it counts from its start on; else patients are compared by what they had, or came to have."""
        return self.as_ == "time_varying"

    @property
    def start_is_open(self) -> bool:
        """Whether it begins in a reported strategy at a time that the cases say, as the file does not."""
        return self.begins and self.report_start is None

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

    def guard(self, outcome: Outcome) -> str:
        """Return what is wrong with comparing patients by what they came to receive; "" where nothing is."""
        if self.as_ == "landmark":
            when = {"unit": outcome.unit.removesuffix("s"), "landmark": self.landmark}
            words = {"who": self.who, "never": self.arms[0], "event": outcome.called, "free": outcome.without}
            return BY_LANDMARK.format(**when, **words)
        return "" if self.begins else guard(who=self.who, what=self.called, free=outcome.without)

    def compared_arms(self, unit: str) -> tuple[str, str]:
        """Return what the two groups of patients it tells apart are called: never and ever, or by the landmark."""
        without, with_ = self.arms
        if self.as_ != "landmark":
            return without, with_
        when = f"by {unit.removesuffix('s')} {self.landmark:g}"
        return f"not {self.done} {when}" if self.done else f"{without} {when}", f"{with_} {when}"

    def equation(self, effects: str) -> str:
        """Write what it does to the hazard, or to time."""
        effect = effect_of(self.name)
        what = f"slows time to exp(-{effect})" if effects == "accelerated" else f"multiplies h(t) by exp({effect})"
        when = "from its start on" if self.begins else "from time zero on"
        if self.as_ == "landmark":
            when = f"where it started by {self.landmark:g}, all follow-up counting from there on"
        return f"{self.name} {what} {when}"

    def text(self, outcome: Outcome) -> str:
        """Say when it counts, how its date is known, and what guards its reading."""
        unit = outcome.unit
        if self.as_ == "landmark":
            dating = AT_LANDMARK.get(self.dating, "an interval reaching across it counts in proportion")
            when = f"{unit.removesuffix('s')} {self.landmark:g}"
            return f"`{self.column}` by {when}, {dating}; {self.guard(outcome)}"
        if self.as_ == "baseline":
            dates = " and ".join(f"`{name}`" for name in (self.start, self.earliest, self.latest) if name)
            unused = f" ({dates}: checked, not used)" if dates else ""
            return f"`{self.column}`, counted from time zero on whenever it was{unused}; {self.guard(outcome)}"
        text = f"`{self.column}`, counted from its start on"
        if self.start:
            text += f", at `{self.start}`"
        elif self.earliest:
            dating = DATING[self.dating].format(name=self.name, unit=unit.removesuffix("s"))
            text += f", between `{self.earliest}` and `{self.latest}`: {dating}"
        undated = "at any time of follow-up" if self.undated == "follow_up" else "refused"
        return f"{text}; without dates: {undated}; reported for a start at {self._reported(unit)}"

    def _reported(self, unit: str) -> str:
        return f"the {TYPICAL} of the cases" if self.report_start is None else f"{self.report_start:g} {unit}"
