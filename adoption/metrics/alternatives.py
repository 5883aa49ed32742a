"""From words of usage to the outcome that is meant. Pure: text in, a refusal or a metric out.

Whoever writes "80 % of developers weekly" wants something real: that teams get work done with it.
The table says which outcome metric says so, and why the usage figure cannot. The reading is
generous with spelling (case, separators, plurals, a letter wrong, look-alike letters), because a
target on usage that slips through does more harm than a sentence that must be written again.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from rapidfuzz.distance import OSA


@dataclass(frozen=True, slots=True)
class Alternative:
    """One kind of usage figure.

    Attributes:
        usage: its name in a sentence.
        why: what is wrong with it as a target.
        metric_key: the outcome metric to use instead.
        instead: that outcome in words, ready to be a target.
        words: single words that name it wherever they stand, in the singular.
        phrases: regular expressions over the folded text (lower-case words, one blank between).
    """

    usage: str
    why: str
    metric_key: str
    instead: str
    words: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """What was found in a text, and what to use instead."""

    found: str
    alternative: Alternative

    @property
    def reason(self) -> str:
        """Whole sentences for people: why, and what to promise instead."""
        chosen = self.alternative
        return (
            f"“{self.found}” is {chosen.usage}. {chosen.why} "
            f"Use the outcome metric `{chosen.metric_key}` instead: “{chosen.instead}”."
        )


_PEOPLE = (
    r"(?:everyone|everybody|developer|dev|engineer|employee|people|person|staff|colleague|user|programmer|worker"
    r"|team member|member|workforce|organi[sz]ation|company|headcount)s?"
)
_OFTEN = (
    r"(?:daily|weekly|monthly|every day|every week|each week|each day|regular(?:ly)?|a week"
    r"|per week|a day|per day)"
)
_USE = (
    r"(?:us(?:e|es|ed|ing|age)|utili[sz](?:e|es|ed|ing)|adopt(?:s|ed|ing)?|activ(?:e|ated)"
    r"|onboard(?:ed)?|enabled?|log(?:ged|s)? in|tr(?:y|ied))"
)
_TEAMS = "eligible teams with at least one held delivery in 28 days"

ALTERNATIVES: tuple[Alternative, ...] = (
    Alternative(
        "a number of tokens",
        "Tokens are what is paid for; an agent on a pointless task burns as many as one on a "
        "good one.",
        "held_deliveries",
        "25 deliveries that held by the end of the quarter",
        ("token", "tokenmaxxing"),
    ),
    Alternative(
        "a number of prompts or requests",
        "Anybody can send more of them without delivering anything.",
        "held_deliveries",
        "25 deliveries that held by the end of the quarter",
        ("prompt", "request", "completion", "keystroke", "query", "querie", "chat", "conversation",
         "invocation"),
        (r"api calls?", r"calls? to (?:the )?(?:model|api|llm)s?", r"messages? (?:sent|to)"),
    ),
    Alternative(
        "a number of credits",
        "Credits are a bill in another currency: to use them up is no result.",
        "effective_cost_per_held_delivery",
        "below 40 USD per held delivery",
        ("credit",),
        (r"(?:spend|use up|consume|burn) (?:the )?(?:whole |full )?(?:budget|allowance|quota)",),
    ),
    Alternative(
        "a number of seats or licences",
        "A seat is bought, not achieved, and an idle one counts as much as a busy one.",
        "teams_with_held_delivery",
        _TEAMS,
        ("seat", "licence", "license", "subscription", "login", "signup", "install",
         "installation"),
        (r"sign ups?", r"log ins?", r"sign ins?", r"activation rate", r"roll ?out (?:rate|share)"),
    ),
    Alternative(
        "a number of active users",
        "It counts who opened a tool, not what came of it, and it makes people open it.",
        "share_of_teams_with_held_delivery",
        _TEAMS,
        ("wau", "dau", "mau", "leaderboard", "engagement", "stickiness"),
        (
            rf"{_USE} {_PEOPLE}",
            rf"{_PEOPLE} (?:who )?(?:are |is |have |has )?(?:\w+ ){{0,2}}{_USE}",
            rf"{_OFTEN} (?:\w+ )?(?:{_PEOPLE}|{_USE})",
            rf"{_PEOPLE} (?:\w+ )?{_OFTEN}",
            rf"(?:percent|share|number|half|third|majority|most|all|every) (?:of )?"
            rf"(?:the |our |all )*(?:\w+ )?{_PEOPLE}",
            r"power users?",
            r"(?:number|count|share) of users",
            r"(?:\d+|more|new|many) (?:\w+ )?users?",
            r"^users?$",
            rf"{_USE} (?:\w+ ){{0,3}}{_OFTEN}",
        ),
    ),
    Alternative(
        "a rate of adoption or usage",
        "Use is a means: it rises when it is counted, whether or not anything is delivered.",
        "share_of_teams_with_held_delivery",
        _TEAMS,
        ("usage", "utilisation", "utilization"),
        (
            r"adoption(?: \w+)? (?:rate|level|score|share|percent)",
            r"(?:rate|level|share|percent) of adoption",
            r"(?:ai|tool|copilot|assistant|agent) adoption",
            r"us(?:e|ing) (?:of )?(?:ai|the tool|the assistant|copilot|cursor|claude|chatgpt"
            r"|agents?)",
            r"(?:daily|weekly|monthly) (?:active|use)",
            r"active (?:daily|weekly|monthly)",
            r"adopt(?:ed|ing)? (?:by|the tool|ai)",
            r"retention",
        ),
    ),
    Alternative(
        "a number of sessions",
        "A session says that a window was open.",
        "teams_with_held_delivery",
        _TEAMS,
        ("session",),
        (
            r"(?:minutes|hours|time) (?:spent )?(?:in|with|on) (?:the )?(?:tool|ai|copilot"
            r"|assistant|editor)",
        ),
    ),
    Alternative(
        "an amount of code",
        "More code is a cost; agents write any amount of it.",
        "ai_production_deployments",
        "10 production deployments with an AI-assisted change",
        ("loc", "sloc", "kloc", "autocompletion"),
        (
            r"lines?(?: of)?(?: \w+)? code",
            r"lines?",
            r"(?:share|percent|amount|proportion) (?:of )?(?:the |our |all )*(?:new )?(?:ai )?"
            r"(?:generated |written |authored )?code",
            r"code (?:written|generated|authored|produced) by",
            r"(?:ai|machine) (?:generated|written|authored) (?:code|commit)s?",
            r"characters? (?:typed|inserted|generated)",
        ),
    ),
    Alternative(
        "a share of accepted suggestions",
        "Accepting is a key press; whether the code stays is another matter.",
        "held_deliveries",
        "25 deliveries that held by the end of the quarter",
        ("suggestion", "acceptance"),
        (r"accept(?:ed|ance)? rate", r"rate of accept(?:ance|ed)"),
    ),
    Alternative(
        "a number of pull requests or commits",
        "They can be cut into as many as one likes.",
        "held_deliveries",
        "25 deliveries that held by the end of the quarter",
        ("commit", "velocity"),
        (r"(?:pull|merge) requests?", r"(?:number|count|share) of (?:prs?|mrs?|changes)", r"prs?",
         r"story points?"),
    ),
    Alternative(
        "a self-reported saving of time",
        "In trials people felt faster while the clock said slower, so it is not asked.",
        "held_deliveries",
        "25 deliveries that held by the end of the quarter",
        ("timesaving",),
        (
            r"(?:hours?|time|minutes?|days?|fte|effort)s? (?:\w+ ){0,2}"
            r"(?:saved|saving|savings|gained|won|freed)",
            r"(?:sav(?:e|es|ed|ing|ings)|gain|free)(?: up)?(?: of)? (?:\w+ ){0,3}"
            r"(?:hours?|time|minutes?|fte)",
            r"reported hours",
            r"productivity (?:\w+ )?(?:survey|score|gain|feeling)",
            r"feel(?:s|ing)? (?:\w+ )?(?:productive|faster)",
        ),
    ),
)  # fmt: skip

# Outcomes in people's words → the metric that says them, the most telling first.
OUTCOME_PHRASES: tuple[tuple[str, str], ...] = (
    (r"(?:share|percent|half|third|quarter|every|all|most).{0,24}\bteams?\b",
     "share_of_teams_with_held_delivery"),
    (r"\bteams?\b.{0,40}\b(?:deliver\w*|held|hold)|\bdeliver\w*.{0,40}\bteams?\b",
     "teams_with_held_delivery"),
    (r"\bcosts?\b|\bcheaper\b|\bper (?:held )?deliver\w*|\b(?:usd|eur|gbp|chf)\b",
     "effective_cost_per_held_delivery"),
    (r"\bheld\b", "held_deliveries"),
    (r"\bproduction\b|\bdeploy\w*|\breleas\w*|\bship\w*|\bgo(?:es)? live\b",
     "ai_production_deployments"),
    (r"\bholds?\b|\bdeliver\w*|\bconfirmed work\b|\bin use\b", "held_deliveries"),
)  # fmt: skip

_LOOKALIKES = str.maketrans("аеорсухктмнвіјѕԁһαεορτυικν", "aeopcyxktmhbijsdhaeoptuikv")
_DIGITS = str.maketrans("013457@$|", "oleast" + "asl")
_SPACED = re.compile(r"\b(?:[a-z] ){2,}[a-z]\b")
_LONGEST = 400
# One letter wrong is forgiven from this length on; below it everyday words would be hit.
_FUZZY_FROM = 6
_INNOCENT = frozenset(
    {"quest", "bequest", "commit", "commits", "permits", "summits", "commute", "instal", "edit",
     "edits", "promote", "promptly", "request", "mission", "missions", "passion", "session",
     "conversion", "conversions", "emission", "question", "questions", "completing", "completion",
     "competition", "completions", "installing", "velocities", "engagements", "logic", "logics"}
)  # fmt: skip


def fold(text: str) -> str:
    """Lower-case words with one blank between: look-alikes, accents and separators gone."""
    text = unicodedata.normalize("NFKD", text[:_LONGEST])
    text = "".join(
        each
        for each in text
        if not unicodedata.combining(each) and unicodedata.category(each) != "Cf"
    )
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).casefold().translate(_LOOKALIKES)
    text = text.replace("%", " percent ").replace("per cent", "percent")
    words = [_unleet(word) for word in re.split(r"[^\w@$|]+|_", text) if word]
    joined = " ".join(words)
    return _SPACED.sub(lambda found: found[0].replace(" ", ""), joined)


def _unleet(word: str) -> str:
    """`t0ken5` is `tokens`; a plain number stays a number."""
    has_letters = sum(each.isalpha() for each in word) >= 2
    return word.translate(_DIGITS) if has_letters and not word.isalpha() else word


def _is_word(word: str, known: str) -> bool:
    """Whether `word` is `known`, its plural, joined with others of the kind, or misspelt by one."""
    if word in (known, f"{known}s", f"{known}es"):
        return True
    if len(known) >= 5 and known in word and len(word) - len(known) <= 6 and word not in _INNOCENT:
        return True
    if len(word) < _FUZZY_FROM or word in _INNOCENT:
        return False
    return any(OSA.distance(word, each, score_cutoff=1) <= 1 for each in (known, f"{known}s"))


def usage_in(text: str) -> Refused | None:
    """The first kind of usage figure that a text speaks of, or None."""
    folded = fold(text)
    words = folded.split()
    for alternative in ALTERNATIVES:
        for pattern in alternative.phrases:
            found = re.search(rf"\b(?:{pattern})\b", folded)
            if found:
                return Refused(found[0].strip(), alternative)
    for alternative in ALTERNATIVES:
        for word in words:
            if any(_is_word(word, known) for known in alternative.words):
                return Refused(word, alternative)
    return None


def outcome_in(text: str) -> str | None:
    """Key of the outcome metric that a text asks for, or None when it is not clear."""
    folded = fold(text)
    for pattern, key in OUTCOME_PHRASES:
        if re.search(pattern, folded):
            return key
    return None
