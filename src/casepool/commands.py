"""Public functions that answer with a table, as commands: which arguments each takes, and what each is for.

A new one is an entry of `COMMANDS`; what it takes are the function's own names, keys of `ARGUMENTS`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from casepool.arguments import ASKED
from casepool.completing import coding_names, dataset_names, engine_names, fit_names, model_names


@dataclass(frozen=True)
class Command:
    """A public function as a command.

    Parameters
    ----------
    does : str
        Its help.
    takes : tuple of str
        Keys of `ARGUMENTS`; one that ends with ``!`` must be given. What stands after a point tells arguments of one
        name apart.
    """

    does: str
    takes: tuple[str, ...]

    def signature(self) -> inspect.Signature:
        """Return the parameters the command line reads."""
        found = []
        for key in (*self.takes, *WRITTEN):
            annotation, default = ARGUMENTS[key.removesuffix("!")]
            name = key.removesuffix("!").partition(".")[0]
            value = inspect.Parameter.empty if key.endswith("!") else default
            found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotation))
        return inspect.Signature(found)

    def function(self, name: str) -> Callable[..., Any]:
        """Return the public function itself, its package imported now."""
        import casepool

        found: Callable[..., Any] = getattr(casepool, name)
        return found


Engine = Annotated[
    str | None,
    typer.Option(
        help=f"What draws: {', '.join(ASKED[:-1])} or {ASKED[-1]}; by default as the codebook says, else auto.",
        autocompletion=engine_names,
    ),
]


CSV = Annotated[bool, typer.Option("--csv", help="Print comma-separated values, all columns.")]
OUT = Annotated[
    Path | None, typer.Option("--out", help="Write the table to a .csv, .docx, .xlsx, .html, .tex or .md file instead.")
]
FORCE = Annotated[bool, typer.Option("--force", help="Replace a file that casepool did not write.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Say nothing while working.")]
CODING = Annotated[
    list[str] | None,
    typer.Option(
        "--coding",
        metavar="DECISION=CHOICE",
        help="A choice of a decision of the codebook; may be given several times.",
        autocompletion=coding_names,
    ),
]
START = Annotated[float | None, typer.Option("--start", help="When the exposure starts in its strategy.")]
QUICK = Annotated[bool, typer.Option("--quick", help="A quarter of the draws, for a first look; results say so.")]
Fits = Annotated[list[Path], typer.Argument(help="Saved fits.", autocompletion=fit_names)]
WRITTEN = ("csv", "out", "force")
"""How the answer is told, which every command takes."""
NEEDED = inspect.Parameter.empty
ARGUMENTS: dict[str, tuple[Any, Any]] = {
    "fit": (Annotated[Path, typer.Argument(help="A saved fit.", autocompletion=fit_names)], NEEDED),
    "fits": (Fits, NEEDED),
    "model": (
        Annotated[str, typer.Argument(metavar="MODEL", help="A model's name or file.", autocompletion=model_names)],
        NEEDED,
    ),
    "dataset": (
        Annotated[str, typer.Argument(help="A bundled dataset's name, or a folder.", autocompletion=dataset_names)],
        NEEDED,
    ),
    "cases": (
        Annotated[
            str, typer.Option("--data", help="A dataset's name, a folder, or a file.", autocompletion=dataset_names)
        ],
        NEEDED,
    ),
    "folder": (
        Annotated[Path, typer.Argument(help="A dataset's folder.", autocompletion=dataset_names)],
        NEEDED,
    ),
    "patients": (
        Annotated[Path, typer.Argument(help="A table of patients, one row each.", autocompletion=dataset_names)],
        NEEDED,
    ),
    "design": (Annotated[str, typer.Argument(help="The design of a trial: a name or a file.")], NEEDED),
    "designs": (Annotated[list[str], typer.Argument(help="Designs of trials: names or files.")], NEEDED),
    "trials.simulated": (Annotated[int, typer.Option(help="Trials simulated for each scenario.")], 10_000),
    "method": (Annotated[str, typer.Option(help="auto, enumeration or simulation.")], "auto"),
    "rate": (Annotated[float, typer.Option(help="The rate to be exceeded.")], NEEDED),
    "threshold": (Annotated[float, typer.Option(help="Of the probability that it is, for success.")], NEEDED),
    "more": (Annotated[list[int], typer.Option(help="Further patients; may be given several times.")], [1, 5, 10]),
    "baskets": (Annotated[list[str], typer.Option("--basket", help="A basket that no case has yet.")], []),
    "by": (Annotated[str | None, typer.Option(help="A factor, an exposure or a labelled column.")], None),
    "target": (Annotated[str, typer.Option(help="observed, standardised or new.")], "standardised"),
    "at": (Annotated[list[float] | None, typer.Option(help="A time; may be given several times.")], None),
    "ties": (Annotated[str, typer.Option(help="efron, breslow or exact: tied events of Cox models.")], "efron"),
    "competing": (
        Annotated[list[str], typer.Option(help="A code of another end; may be given several times.")],
        [],
    ),
    "start": (START, None),
    "restricted_to": (Annotated[float | None, typer.Option(help="Limit of a restricted mean.")], None),
    "coding": (CODING, None),
    "quick": (QUICK, False),
    "rope": (
        Annotated[tuple[float, float] | None, typer.Option(help="Differences (or ratios) as good as none.")],
        None,
    ),
    "rope_of": (Annotated[str | None, typer.Option(help="Of which estimand; default the first one told.")], None),
    "above": (Annotated[float | None, typer.Option(help="A threshold: how probably survival lies above it.")], None),
    "level": (Annotated[str | None, typer.Option(help="The level to compare with the rest, or the mean.")], None),
    "against": (Annotated[str | None, typer.Option(help="rest or mean: what levels are compared with.")], None),
    "weights": (Annotated[str, typer.Option(help="patients or levels: how other levels weigh.")], "patients"),
    "reference": (Annotated[str | None, typer.Option(help="The level that others are compared with.")], None),
    "per": (Annotated[float | None, typer.Option(help="A step of a number; default its term's scale.")], None),
    "events": (Annotated[int, typer.Argument(metavar="EVENTS", help="Published cases with the event.")], NEEDED),
    "n": (Annotated[int, typer.Argument(metavar="N", help="All published cases.")], NEEDED),
    "psi": (
        Annotated[list[float], typer.Option(help="Times as readily published; may be repeated.")],
        [1.0, 2.0, 3.0, 5.0],
    ),
    "trials": (Annotated[str | None, typer.Option(help="A bundled dataset, or a file of study, events, n.")], None),
    "most": (Annotated[int, typer.Option(help="Patients who may be in both, at most.")], 3),
    "first": (Annotated[str, typer.Option(help="The treatment that failed.")], NEEDED),
    "then": (Annotated[str, typer.Option(help="The treatment after it.")], NEEDED),
    "scales": (Annotated[list[float], typer.Option(help="A half-normal scale of a group sd.")], [0.25, 0.5, 1.0, 2.0]),
    "estimand": (Annotated[str, typer.Option(help="contrast, estimates or survival.")], "contrast"),
    "journal": (Annotated[Path | None, typer.Option(help="File that keeps finished answers.")], None),
    "seed": (Annotated[int, typer.Option(help="Seed of the sampler.")], 1),
    "engine": (Engine, None),
    "estimates": (Annotated[bool, typer.Option("--estimates", help="Every number after every change.")], False),
    "quiet": (Quiet, False),
    "csv": (CSV, False),
    "out": (OUT, None),
    "force": (FORCE, False),
}
"""Every argument a command may take: its type with its help, and its default."""

BY = "by!"
COMMANDS: dict[str, Command] = {
    "contrast": Command(
        "Compare the levels of a factor, or an exposure; the ratio of a number.",
        ("fit", BY, "target", "rope", "rope_of", "level", "against", "weights", "reference", "per", "at"),
    ),
    "survival": Command("Survival of a saved fit.", ("fit", "by", "at", "start", "above", "rope")),
    "cumulative_incidence": Command("Incidence of competing causes, a fit each.", ("fits", "at")),
    "ranking": Command(
        "Rank the levels of a factor, with the width of ranks.", ("fit", BY, "target", "at", "restricted_to")
    ),
    "predict": Command(
        "Response probability or survival of new patients.", ("fit", "patients", "at", "start", "restricted_to")
    ),
    "ledger": Command("What each level brought and borrowed.", ("fit", BY, "at")),
    "followed": Command("Patients still followed at times, and of them the exposed.", ("fit", "by", "at")),
    "flow": Command("Who is left out of each model and why, and who is analysed.", ("fits",)),
    "aliasing": Command("Which levels the data separate, and which only the prior does.", ("fit",)),
    "coefficients": Command("Every coefficient of a fit: ratios, zero point, spreads.", ("fit",)),
    "power_scaling": Command("How far each prior moves its own parameter.", ("fit",)),
    "sensitivity": Command("Power scaling, and refits under other priors.", ("fit", "scales", "quiet")),
    "variants": Command(
        "One answer under other priors, datings and codings.", ("fit", "by", "estimand", "at", "journal", "quiet")
    ),
    "exposure_sensitivity": Command("An exposure under other priors and datings.", ("fit", "quiet")),
    "leave_out": Command("Leave out patients, levels or publications in turn.", ("fit", "by", "quiet")),
    "compare_models": Command("Score fits of the same patients.", ("fits", "by", "at", "quiet")),
    "classical": Command(
        "The frequentist answers.", ("model", "cases!", "by", "at", "ties", "competing", "coding", "quiet")
    ),
    "characteristics": Command("Who the patients are, of everyone and by group.", ("cases!", "by", "coding")),
    "adverse_events": Command("Adverse events without a model, and their bounds.", ("cases!",)),
    "any_event": Command("Any event of a fit per patient and type.", ("fit", "at")),
    "sequence": Command("A line of treatment after another one failed.", ("fit", "first!", "then!")),
    "tipping": Command(
        "Every unknown date moved through its interval.",
        ("model", "cases!", "seed", "engine", "coding", "quick", "quiet"),
    ),
    "history": Command("What was added to a dataset and changed in it, line by line.", ("folder", "estimates")),
    "trial_prior": Command("What trials say before the cases, and their worth in patients.", ("model",)),
    "trial_conflict": Command("Whether cases and trials agree, and the patients borrowed.", ("fit", "quiet")),
    "trial_overlap": Command("The rate, were some cases patients of the trials too.", ("fit", "most", "quiet")),
    "selection": Command("Published and unselected rates, and what divides them.", ("fit", "by")),
    "selection_curve": Command("The unselected rate behind a published one.", ("events", "n", "psi", "trials")),
    "selection_survival": Command(
        "Survival, were the living published more readily.", ("model", "cases!", "psi", "at")
    ),
    "codings": Command("The decisions a dataset leaves open.", ("dataset",)),
    "replacement": Command(
        "A paper's answers beside what replaces them.", ("dataset", "seed", "engine", "quick", "quiet")
    ),
    "multiverse": Command(
        "One question under every combination of codings.",
        ("model", "dataset", BY, "seed", "engine", "estimand", "journal", "quick", "quiet"),
    ),
    "simulate": Command("Simulate trials of a design.", ("design", "seed", "trials.simulated", "journal", "quiet")),
    "operating_characteristics": Command(
        "How often designs of trials are right and wrong.",
        ("designs", "seed", "trials.simulated", "method", "journal", "quiet"),
    ),
    "further_patients": Command(
        "What further patients of each basket would tell.",
        ("model", "cases!", "rate!", "threshold!", "more", "baskets", "quiet"),
    ),
}
"""By the name of the public function; the command has hyphens for its underscores."""
FIGURES = (
    *("forest", "survival", "survival-check", "prior-survival", "effect", "diagnostics", "swimmer", "waterfall"),
    "spider",
)
"""Kinds of figures that `casepool plot` draws; `plotting.files` says how."""
