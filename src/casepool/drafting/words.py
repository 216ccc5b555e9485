"""What names of columns may say to a first model, beyond the roles that names say to the rules.

All are asked of a name as `bare` writes it. What is taken by one of them is said in the draft, and asked for where it
could be the other way about.
"""

from __future__ import annotations

import re

from casepool.cases.role_inference import NAMES, TRAITS
from casepool.cases.units import plain_name, words_of

RESPONSE = (
    rf"(.*_)?({NAMES['response']}|respond(ed|ers?)|r[ée]pondeurs?|orr|remission|r[ée]mission)(_.*)?",
    r"(.*_)?(outcome|success|ergebnis|erfolg|r[ée]sultat|succ[èe]s)(_.*)?",
)
"""A response; what may also be another outcome comes second."""
COUNTS = (
    r"(n_)?(events|responders|responses|successes|ereignisse|responder|[ée]v[ée]nements|r[ée]pondeurs)",
    r"n(_(patients|total))?|patients|total|treated|evaluable|patienten|anzahl|gesamt|effectif",
)
"""The events of a row that stands for several patients, and these."""
FOLLOW_UP = (
    rf"{NAMES['time']}|(time|zeit|temps)_(os|fu)|(os|fu)_(time|zeit|temps)",
    r"(.*_)?(os|survival|follow_?up|fu|(gesamt)?[uü]berleben(szeit)?|nachbeobachtung(szeit)?|survie|suivi)(_.*)?",
    r"(.*_)?([pedr]fs|ttp|progression_free|time_to_\w+)(_.*)?|(.*_)?time|zeit|temps|dauer|dur[ée]e",
)
"""A time to the event or the last follow-up, the time to death before that to another event."""
LAST = r"(.*_)?(last|letzte\w*|derni[èe]r\w*)(_.*)?"
"""What is known of a patient last."""
GENERAL = r"((os|pfs|efs|dfs|rfs)_)?(event|ereignis|[ée]v[ée]nement)"
HAPPENED = (
    rf"{NAMES['event']}|{GENERAL}|exitus|todesfall",
    rf"{NAMES['status']}|vital|(.*_)?(status|statut)",
    r"alive|living|survived|lebt|lebend|[uü]berlebt|vivante?|en_vie",
    r"(.*_)?(dead|death|died|deceased|verstorben|gestorben|d[ée]c[èeé]d\w*|d[ée]c[èe]s)(_.*)?",
    r"(.*_)?(progress(ion|ed)|relapsed?|recurrence|rezidiv|r[ée]cidive)(_.*)?",
    r"(.*_)?cens(ored|oring|or|ure|iert|_?ind)?(_.*)?|cnsr",
)
"""Whether the event happened: named by it, codes of a state, the opposite of it, and others."""
SURVIVED = HAPPENED[2]
STATE = rf"{HAPPENED[1]}|{HAPPENED[5]}"
"""Names that leave open which of two codes is the event."""
NOUNS = r"death|tod|todesfall|d[ée]c[èe]s|progression|relapse|recurrence|rezidiv|r[ée]cidive"
"""Names that are what the event is called in a sentence; those before progression are of death."""
OF_DEATH = NOUNS.partition("|progression")[0]
TREATED = (
    r"(.*_)?(treatment|therap(y|ie|eutic)|drug|regimen|arm|cohort|group|behandlung|medikament|gruppe|"
    r"traitement|m[ée]dicament|groupe|bras|subtype|subtyp|grade|grading|mutation)(_.*)?"
)
LATER = (
    r"(.*_)?(after|post|last|later|subsequent|second|cause|reason|because|tox\w*|adverse|relapse\w*|recurr\w*|"
    r"progress\w*|date|nach|letzte\w*|grund|ursache|rezidiv|datum|apr[èe]s|dernier\w*|r[ée]cidive|raison)(_.*)?"
)
"""Names of what is known of a patient only later on, which is no factor."""
FLAG = r"(?i)[_ ](any|yn|yes[_ ]no|ja[_ ]nein|oui[_ ]non|done|performed)$"
"""How the name of a flag ends beyond what the exposure is called."""
EARLIEST = r"((date|datum)_)?earliest|from|min|fr[uü]hestens|von|au_plus_t[ôo]t|de"
LATEST = r"((date|datum)_)?latest|to|until|max|sp[aä]testens|bis|au_plus_tard|[àa]"
START = r"start(_time)?|time|date|datum|month|begin(n)?|zeit|zeitpunkt|d[ée]but|temps"
"""How the names of the dates of an exposure go on after its own."""
UNTIL = r"(time|months?|weeks?|days?|zeit|monate|temps|mois)_(to|until|bis|jusqu_[àa])_"
"""How the name of the time at which it started begins, before its own."""


def bare(name: str) -> str:
    """Return a column's name in words, without its unit and a key of codes in brackets."""
    return plain_name(re.sub(r"[(\[][^)\]]*=[^)\]]*[)\]]?", "", name))


def is_named(pattern: str, name: str) -> bool:
    """Tell whether a column is called what a pattern says."""
    return re.fullmatch(pattern, bare(name)) is not None


def keys_in(name: str) -> dict[str, str]:
    """Return what codes mean by a column's name: "Status (1=alive, 2=dead)"."""
    return dict(re.findall(r"(\w+)\s*=\s*([^\W\d_][^,;/)\]=]*[^,;/)\]=\s])", name))


def is_factor(name: str) -> int:
    """Tell how surely a column's name is that of a factor: 2 of a trait of the patient, 1 of a treatment, 0 not."""
    words = words_of(bare(name))
    if re.fullmatch(LATER, words):
        return 0
    return 2 if re.fullmatch(TRAITS, words) else int(re.fullmatch(TREATED, words) is not None)
