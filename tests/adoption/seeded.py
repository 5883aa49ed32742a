"""Repositories that grow by chance, with the truth about every piece of work kept beside them.

Work is merged, squashed, rebased or pushed directly; branches live long and are forced over;
repairs are made on a release branch and picked across; things are reverted, un-reverted, rolled
back and deployed to several environments. What is true is known by construction: every commit
carries the set of pieces of work that it contains and the set that still stands in it. Nothing
here looks at hashes, messages or ancestry to tell.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.adoption.seeded_commits import Node, Piece, SeededCommits

REPOSITORY = "git.example/acme/shop"
HOLDS_AFTER = dt.timedelta(days=14)
PRODUCTION = ("prod-eu", "prod-us")


class Rolled(NamedTuple):
    """A deployment that succeeded, and what its environment holds from then on."""

    name: str
    environment: str
    sha: str
    at: dt.datetime
    holds: frozenset[int]


class Truth(NamedTuple):
    """What is true about a piece of work at the end."""

    state: str
    delivered_by: str | None


@dataclass
class SeededRepository(SeededCommits):
    """One repository; `grow` fills it.

    Attributes:
        changes, deployments, incidents: what a provider says, in the format of docs/api.md.
        troubles: by the name of a rollout, when something that it broke was over; None: not yet.
    """

    changes: list[dict[str, Any]] = field(default_factory=list)
    deployments: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    troubles: dict[str, list[dt.datetime | None]] = field(default_factory=dict)
    rolled: list[Rolled] = field(default_factory=list)
    baseline: frozenset[int] = frozenset()
    main: str = ""
    release: str = ""
    numbers: int = 0
    kinds: set[str] = field(default_factory=set)
    left_alone: set[int] = field(default_factory=set)  # never reverted; see `revert`

    # --- pieces of work -----------------------------------------------------------------------

    def add(self, way: str, tip: str, base: str, *, body: str = "", title: str = "",
            undoes: tuple[int, ...] = ()) -> str:  # fmt: skip
        """Bring one piece of work onto a branch whose end is `tip`; its new end."""
        key = len(self.pieces) + 1
        title = title or f"Piece {key} of {self.seed}"
        self.kinds.add(way)
        opened = self.now
        if way == "direct":
            message = f"{title}\n\n{body}" if body else title
            new = self.commit(message, tip, brings=(key,), undoes=undoes)
            self._remember(Piece(key, title, "", new, self.now, (new,), way, undoes))
            return new
        self.numbers += 1
        number = str(self.numbers)
        steps = self.branch(base, title, self.dice.choice([1, 2, 3]))
        if way == "long":
            self.kinds.add("long-lived branch")
            steps.append(self.commit("Merge main into the branch", steps[-1], tip))
            steps += self.branch(steps[-1], f"{title}, later", 2)
        if self.dice.random() < 0.3:
            self.kinds.add("force-push")
            steps = self.branch(base, f"{title}, written anew", self.dice.choice([1, 2]))
        said = [self.nodes[sha] for sha in steps]
        new = self._merge(way, tip, steps, key, number, title, body, undoes)
        rebased = tuple(self._line(tip, new)) if way == "rebase" else (new,)
        self._remember(Piece(key, title, number, new, self.now, rebased, way, undoes))
        self.changes.append({
            "external_id": number, "repository": REPOSITORY, "kind": "pull_request",
            "state": "merged", "title": title, "message": body or "As asked for.",
            "created_at": opened.isoformat(), "merged_at": self.now.isoformat(),
            "merge_sha": new, "head_sha": steps[-1], "base_ref": "main",
            "commits": [
                {"sha": node.sha, "message": node.message, "authored_at": node.at.isoformat()}
                for node in said
            ],
        })  # fmt: skip
        return new

    def _merge(self, way: str, tip: str, steps: list[str], key: int, number: str, title: str,
               body: str, undoes: tuple[int, ...]) -> str:  # fmt: skip
        if way in ("merge", "long"):
            message = f"Merge pull request #{number}\n\n{title}"
            return self.commit(message, tip, steps[-1], brings=(key,), undoes=undoes)
        if way == "squash":
            message = f"{title} (#{number})\n\n{body}"
            return self.commit(message, tip, brings=(key,), undoes=undoes)
        for place, step in enumerate(steps):
            is_last = place == len(steps) - 1
            tip = self.commit(
                self.nodes[step].message, tip,
                brings=(key,) if is_last else (), undoes=undoes if is_last else (),
            )  # fmt: skip
        return tip

    def _line(self, base: str, tip: str) -> list[str]:
        found = []
        while tip != base:
            found.append(tip)
            tip = self.nodes[tip].parents[0]
        return found[::-1]

    def _remember(self, piece: Piece) -> None:
        self.pieces[piece.key] = piece

    def work(self) -> None:
        """A new piece of work on the main branch."""
        way = self.dice.choice(["merge", "squash", "rebase", "direct", "long"])
        base = self.main
        for _ in range(self.dice.choice([0, 0, 1, 3])):  # a branch may begin some time ago
            base = next(iter(self.nodes[base].parents), base)
        self.main = self.add(way, self.main, base)

    def hotfix(self) -> None:
        """A repair on the release branch, merged back or picked to the main branch."""
        self.kinds.add("hotfix")
        self.release = self.add("direct", self.release, self.release)
        piece = self.pieces[len(self.pieces)]
        if self.dice.random() < 0.5:
            self.main = self.commit("Merge the release branch", self.main, self.release)
            return
        # Picked: the commit on the main branch is the change that is seen, and the same work.
        self.kinds.add("cherry-pick to main")
        self.left_alone.add(piece.key)
        fixed = self.nodes[piece.sha]
        message = f"{fixed.message}\n\n(cherry picked from commit {fixed.sha})"
        self.main = self.commit(message, self.main, brings=(piece.key,))
        piece.sha, piece.merged_at, piece.steps = self.main, self.now, (self.main,)

    def pick(self) -> None:
        """Something of the main branch is picked to the release branch."""
        there = self.nodes[self.main]
        missing = [
            piece for key, piece in self.pieces.items()
            if key in there.lives and key not in self.nodes[self.release].holds and not piece.undoes
        ]  # fmt: skip
        if not missing:
            return
        piece = self.dice.choice(missing)
        self.kinds.add("cherry-pick")
        self.left_alone.add(piece.key)
        whole = self.dice.random() < 0.8
        steps = piece.steps if whole else piece.steps[-1:]
        for place, step in enumerate(steps):
            message = f"{self.nodes[step].message}\n\n(cherry picked from commit {step})"
            is_whole = place == len(steps) - 1 and len(steps) == len(piece.steps)
            self.release = self.commit(
                message, self.release, brings=(piece.key,) if is_whole else ()
            )
            if len(steps) < len(piece.steps):
                self.kinds.add("pick of a part")

    def revert(self) -> None:
        """Something that stands on the main branch is undone, in one of the ways people do it.

        What was picked across is left alone: a merge of the other branch would bring it back, and
        no message says so. So are reverts of single steps: a part that is back is neither.
        """
        lives = self.nodes[self.main].lives - self.left_alone
        standing = [
            piece for piece in (self.pieces[key] for key in sorted(lives))
            if self._would_matter(piece, lives)
        ]  # fmt: skip
        again = [piece for piece in standing if piece.undoes]
        if not standing:
            return
        piece = self.dice.choice(again if again and self.dice.random() < 0.4 else standing)
        if piece.undoes and any(len(self.pieces[key].steps) > 1 for key in piece.undoes):
            return  # a part of a revert by steps
        self.kinds.add("revert of a revert" if piece.undoes else "revert")
        if piece.way == "rebase" and len(piece.steps) > 1:
            self._revert_steps(piece)
            return
        subject = self.nodes[piece.sha].message.partition("\n")[0]
        body = f"This reverts commit {piece.sha}."
        way, title = self.dice.choice(["direct", "squash"]), f'Revert "{subject}"'
        if piece.number and self.dice.random() < 0.4:
            way, title = "merge", f'Revert "{piece.title}"'
            body = f"Reverts acme/shop#{piece.number}"
            self.kinds.add("revert by button")
        self.main = self.add(way, self.main, self.main, title=title, body=body, undoes=(piece.key,))

    def _would_matter(self, piece: Piece, lives: frozenset[int]) -> bool:
        """Whether undoing it changes anything: nothing that it undid is back by another way, and
        nothing that would come back finds its own work done already."""
        back = [self.pieces[key] for key in piece.undoes]
        return all(each.key not in lives and lives.issuperset(each.undoes) for each in back)

    def _revert_steps(self, piece: Piece) -> None:
        """Every step of a rebased request, newest first; the last one makes it whole."""
        self.kinds.add("revert step by step")
        is_whole = self.dice.random() < 0.6
        steps = piece.steps[::-1] if is_whole else piece.steps[-1:]
        for step in steps:
            subject = self.nodes[step].message.partition("\n")[0]
            ends = is_whole and step == steps[-1]
            self.main = self.add(
                "direct", self.main, self.main, title=f'Revert "{subject}"',
                body=f"This reverts commit {step}.", undoes=(piece.key,) if ends else (),
            )  # fmt: skip
            self.left_alone.add(len(self.pieces))

    # --- deployments --------------------------------------------------------------------------

    def say(self, environment: str, sha: str, status: str = "succeeded", **more: Any) -> str:
        """What the provider says about one deployment."""
        began = self.tick()
        ended = self.tick(0.1)
        name = f"d-{len(self.deployments) + 1}"
        self.deployments.append({
            "external_id": name, "repository": REPOSITORY, "environment": environment,
            "status": status, "sha": sha, "started_at": began.isoformat(),
            "finished_at": ended.isoformat(), **more,
        })  # fmt: skip
        return name

    def deploy(self) -> None:
        environment = self.dice.choice(PRODUCTION)
        sha = self.dice.choice([self.main, self.release])
        chain = [each for each in self.rolled if each.environment == environment]
        holds = self.nodes[sha].holds
        if chain and not chain[-1].holds <= holds:
            sha = self.main  # another line that lacks something would be no step forward
            holds = self.nodes[sha].holds
            if not chain[-1].holds <= holds:
                return
        if any(each.sha == sha for each in chain):
            self.kinds.add("redeploy")
        self._roll(environment, sha, holds)

    def _roll(self, environment: str, sha: str, holds: frozenset[int], **more: Any) -> None:
        name = self.say(environment, sha, **more)
        if not self.rolled:
            self.baseline = holds
        self.rolled.append(Rolled(name, environment, sha, self.now, holds))

    def elsewhere(self) -> None:
        """Deployments that deliver nothing: other tiers, and some that failed."""
        where, status = self.dice.choice([
            ("staging", "succeeded"), ("preview-7", "succeeded"), ("pre-prod", "succeeded"),
            ("prod-eu", "failed"), ("prod-us", "canceled"),
        ])  # fmt: skip
        self.kinds.add(where if status == "succeeded" else status)
        self.say(where, self.main, status)

    def roll_back(self) -> None:
        """Back to what was there before; said, or seen by what is deployed."""
        environment = self.dice.choice(PRODUCTION)
        chain = [each for each in self.rolled if each.environment == environment]
        order = list(dict.fromkeys(each.sha for each in chain))
        if len(order) < 2 or order.index(chain[-1].sha) == 0:
            return
        target = chain[[each.sha for each in chain].index(order[order.index(chain[-1].sha) - 1])]
        latest = [each for each in chain if each.sha == target.sha][-1]
        if self.dice.random() < 0.3:
            self.kinds.add("rollback that is named")
            self._roll(environment, target.sha, latest.holds, rolls_back_to=latest.name)
            return
        self.kinds.add("rollback")
        self._roll(environment, target.sha, latest.holds)

    def repair(self) -> None:
        """A deployment that says which one it fixes; nothing is taken back."""
        environment = self.dice.choice(PRODUCTION)
        chain = [each for each in self.rolled if each.environment == environment]
        self.work()
        if not chain or not chain[-1].holds <= self.nodes[self.main].holds:
            return
        self.kinds.add("fix-forward")
        self._roll(environment, self.main, self.nodes[self.main].holds, fixes=chain[-1].name)
        self.troubles.setdefault(chain[-1].name, []).append(self.now)

    def incident(self) -> None:
        """Something breaks, and whoever answers says which deployment did it."""
        if not self.rolled:
            return
        cause = self.dice.choice(self.rolled)
        opened = self.tick()
        over = self.tick(8) if self.dice.random() < 0.7 else None
        is_nothing = self.dice.random() < 0.2
        kind = "incident nobody acted on" if is_nothing else "incident" if over else "open incident"
        self.kinds.add(kind)
        self.incidents.append({
            "external_id": f"i-{len(self.incidents) + 1}", "service": REPOSITORY,
            "opened_at": opened.isoformat(), "severity": "high", "human_actioned": not is_nothing,
            "caused_by_deployment": cause.name,
            **({"resolved_at": over.isoformat()} if over else {}),
        })  # fmt: skip
        if not is_nothing:
            self.troubles.setdefault(cause.name, []).append(over)

    # --- the whole ----------------------------------------------------------------------------

    def grow(self, steps: int = 60) -> SeededRepository:
        """Let `steps` things happen; then two quiet days."""
        self.main = self.commit("Start")
        self.release = self.main
        doings = [
            (self.work, 30), (self.deploy, 24), (self.elsewhere, 8), (self.revert, 10),
            (self.roll_back, 7), (self.hotfix, 6), (self.pick, 7), (self.cut_release, 5),
            (self.repair, 4), (self.incident, 4),
        ]  # fmt: skip
        for _ in range(steps):
            doing = self.dice.choices([each for each, _ in doings], [w for _, w in doings])[0]
            doing()
            self.tick()
        self.now += dt.timedelta(days=2)
        return self

    def cut_release(self) -> None:
        """The release branch catches up with the main branch."""
        self.kinds.add("long-lived release branch")
        self.release = self.commit("Catch up with main", self.release, self.main)

    def truth(self) -> dict[int, Truth]:
        """State and first delivery of every piece of work that reached the main branch."""
        end = self.nodes[self.main]
        return {
            key: self._truth_of(piece, end)
            for key, piece in self.pieces.items()
            if key in end.holds
        }

    def _truth_of(self, piece: Piece, end: Node) -> Truth:
        first, entered = None, None
        there: dict[str, frozenset[int]] = {}
        if piece.key not in self.baseline:
            for each in self.rolled:
                there[each.environment] = each.holds
                is_there = any(piece.key in holds for holds in there.values())
                first = first or (each.name if piece.key in each.holds else None)
                entered = (entered or each.at) if is_there else None
        if piece.key not in end.lives:
            return Truth("reverted", first)
        if entered is None:
            return Truth("merged", first)
        over = self.troubles.get(first or "", [])
        if None in over:
            return Truth("deployed", first)
        entered = max([entered, *filter(None, over)])
        return Truth("held" if entered + HOLDS_AFTER <= self.now else "deployed", first)

    def history(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Rows of an exported history: the default branch, and what else the release branch has."""
        on_main = self.reachable(self.main)
        off = self.reachable(self.release) - on_main
        rows = [self.row(node) for node in self.nodes.values()]
        return (
            [row for row in rows if row["sha"] in on_main],
            [row for row in rows if row["sha"] in off],
        )
