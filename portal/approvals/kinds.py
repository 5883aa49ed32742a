"""The portal's own kinds: roles, the rules of approval themselves, and erasures of people."""

from __future__ import annotations

from portal.approvals.guards import POLICY_KIND, ROLE_KIND
from portal.approvals.registry import ApprovalKind, approval_kinds
from portal.choices import Role
from portal.selectors.erasures import ERASURE_KIND
from portal.services import approval_policies, erasures, roles

approval_kinds.register(
    ApprovalKind(
        key=ROLE_KIND,
        label="Role of a person",
        approver_roles=(Role.APPROVER,),
        describe=roles.describe_role,
        lock=roles.lock_role,
        apply=roles.apply_role,
        may_request=roles.may_ask_for_role,
    )
)
approval_kinds.register(
    ApprovalKind(
        key=POLICY_KIND,
        label="Rules of approval",
        approver_roles=(Role.APPROVER,),
        describe=approval_policies.describe_policy,
        lock=approval_policies.lock_policy,
        apply=approval_policies.apply_policy,
        may_request=approval_policies.may_ask_for_policy,
    )
)
approval_kinds.register(
    ApprovalKind(
        key=ERASURE_KIND,
        label="Erasure of a person",
        approver_roles=(Role.APPROVER,),
        describe=erasures.describe_erasure,
        lock=erasures.lock_erasure,
        apply=erasures.apply_erasure,
        may_request=erasures.may_ask_for_erasure,
    )
)
