"""The case harness: how a rule is tested, and documented, at once. Third-party packs use the same one.

A case edits a reference stack, marks with `«…»` each exact span that must be reported, and states what is said there::

    - name: one minor behind the cloud
      edit:
        docker/postgres/Dockerfile:
          replace: "FROM postgres:16.10-bookworm"
          with: "FROM «postgres:16.9-bookworm»"
        infra/terraform/rds.tf:
          keep: 'engine_version              = "«1|16.10»"'
      findings:
        - error: "'db' runs Postgres '16.9', but [the cloud](1) runs '16.10'."
          subject: compose:services.db/database
          pair: terraform:aws_db_instance.main
          fix: run Postgres 16.10
          becomes: FROM postgres:16.10-bookworm

The harness strips the marks, scans the whole edited tree with every rule, and demands that findings equal marks:
nothing more, nothing less. A case without marks is a guard against a false alarm. `keep:` marks text that an edit
leaves alone, for a place outside the edited text. What a mark says stands before its bar:

- nothing, or the ids of rules (`«HEX207|…»`, `«HEX205,HEX207|…»`): they report this place;
- a number (`«1|…»`, of another rule `«HEX207:1|…»`): the place that the message links as `(1)`;
- a question mark (`«?|…»`, `«?HEX207|…»`): the rule cannot decide because of this place.

`findings` and `open` state the rest. A finding has its severity with its message, and may have `rule` (where it is not
the case's own), `subject`, `pair` (the id of the subject's twin, with ` (uncertain)` where it is), `fix`, and `becomes`
(the lines that the fix changes, after it, and behind `- ` those that only go; a mapping by path where it edits other
files). An open question has `rule`, `subject` and `reason`. Only what is stated is compared, unless the caller is
strict, which the built-in pack's own test is: then everything must be stated.
"""

from __future__ import annotations

from policyengine.platforms.units import Kept
from policyengine.testing.case import Case, Question, Said, edited, load_cases, read_reference
from policyengine.testing.checking import Tried, check, said, scan_files, statement, tried
from policyengine.testing.marks import CaseError, Mark
from policyengine.testing.memory import Memory

__all__ = [
    "Case",
    "CaseError",
    "Kept",
    "Mark",
    "Memory",
    "Question",
    "Said",
    "Tried",
    "check",
    "edited",
    "load_cases",
    "read_reference",
    "said",
    "scan_files",
    "statement",
    "tried",
]
