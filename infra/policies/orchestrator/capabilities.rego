# The decision about one tool call of an agent: allow, ask or deny. Default deny.
#
# Every rule adds an entry to `deny`; nothing takes one away, so a further rule, layer or missing
# fact can only narrow. `allow` means go; only `approval_required` left means ask; anything else
# means refuse. Facts that need the product's own matchers (is the call inside of its envelope,
# which rules of a policy file it touches) come in as input.
package orchestrator.capabilities

import data.orchestrator.capability_table
import data.orchestrator.input_shape

decision := {
	"allow": allow,
	"deny": deny,
	"requires_approval": requires_approval,
}

default allow := false

allow if count(deny) == 0

default requires_approval := false

requires_approval if {
	count(deny) > 0
	every entry in deny {
		entry.reason == "approval_required"
	}
}

# An input that misses a fact or holds one of another kind decides nothing.
deny contains entry("policy_unavailable", "built-in", "malformed_input") if not input_shape.well_formed

# --- what nobody can approve ---------------------------------------------------------------

deny contains entry("agent_profile_missing", "profile", "profile_missing") if not has_profile

deny contains entry("run_mode_mismatch", "built-in", "run_mode") if {
	input.subject.run_mode != input.action.run_mode
}

deny contains entry("missing_capability", "built-in", "tool_without_capability") if {
	count(input.action.capabilities) == 0
}

deny contains entry_for("missing_capability", "built-in", "unknown_capability", capability) if {
	some capability in input.action.capabilities
	not capability_table.default_rule[capability]
}

deny contains entry_for(reason_of_lack(capability), "profile", "capability_not_held", capability) if {
	some capability in input.action.capabilities
	has_profile
	not is_held(capability)
}

deny contains entry_for(reason_of_lack(capability), "profile", "denied_by_profile", capability) if {
	some capability in input.action.capabilities
	profile_rule(capability) == "deny"
}

deny contains entry("outside_envelope", "plan", "cannot_be_approved") if {
	not input.context.envelope.inside
	not input.context.envelope.approvable
}

deny contains entry_of_rule(reason_of_rule(rule), layer, rule) if {
	some layer in input.context.layers
	some rule in layer.rules
	rule.effect == "deny"
	applies(rule)
}

# --- what a person can approve -------------------------------------------------------------

deny contains entry_for("approval_required", "plan", "outside_envelope", capability) if {
	some capability in input.action.capabilities
	not input.context.envelope.inside
	not is_granted
}

deny contains entry_for("approval_required", "plan", "plan_not_approved", capability) if {
	some capability in input.action.capabilities
	needs_person(capability)
	not is_plan_approved
	not is_granted
}

deny contains entry_for("approval_required", "plan", "step_not_approved", capability) if {
	some capability in input.action.capabilities
	input.context.step.approval_required
	needs_person(capability)
	not is_step_approved
	not is_granted
}

deny contains entry_of_rule("approval_required", layer, rule) if {
	some layer in input.context.layers
	some rule in layer.rules
	rule.effect == "ask"
	applies(rule)
	not is_granted
}

# --- facts about subject and approvals -----------------------------------------------------

has_profile if is_object(input.context.profile)

# Bindings of roles narrow what the profile holds; they never add to it.
is_held(capability) if {
	capability in input.subject.capabilities
	bindings := input.context.capabilities
	is_bound(bindings.role_bindings, capability)
	is_bound(bindings.tenant_role_bindings, capability)
}

is_bound(bindings, capability) if capability in bindings[input.subject.agent]

is_bound(bindings, _) if not bindings[input.subject.agent]

profile_rule(capability) := input.context.profile.approval_policy[capability]

needs_person(capability) if capability_table.default_rule[capability] == "approval"

needs_person(capability) if profile_rule(capability) == "human_approval"

is_plan_approved if {
	some approval in input.subject.approvals
	approval.kind == "plan"
	approval.hash == input.context.step.hash
}

is_step_approved if {
	some approval in input.subject.approvals
	approval.kind == "step"
	approval.hash == input.context.step.hash
}

# A person has answered for this very call, or for every call with its subject.
is_granted if {
	some approval in input.subject.approvals
	approval.kind == "call"
	approval.hash == input.action.subject_hash
}

is_granted if {
	some approval in input.subject.approvals
	approval.kind == "call"
	approval.hash == input.action.call_hash
}

# --- rules of the policy files -------------------------------------------------------------

# A rule applies when everything it names fits; what it does not name fits everything.
applies(rule) if {
	fits_capability(rule)
	fits_tool(rule)
	fits_cost(rule)
	every _, touched in rule.touched {
		count(touched) > 0
	}
}

fits_capability(rule) if not rule.capabilities

fits_capability(rule) if {
	some capability in input.action.capabilities
	capability in rule.capabilities
}

fits_tool(rule) if not rule.tools

fits_tool(rule) if input.subject.tool in rule.tools

fits_cost(rule) if not has_cost(rule)

fits_cost(rule) if input.action.cost_usd > rule.max_cost_usd

# An unknown cost is never taken for a low one.
fits_cost(_) if input.action.cost_usd == null

has_cost(rule) if is_number(rule.max_cost_usd)

# --- entries -------------------------------------------------------------------------------

entry(reason, layer, rule) := {"reason": reason, "layer": layer, "rule": rule}

entry_for(reason, layer, rule, capability) := {
	"reason": reason,
	"layer": layer,
	"rule": rule,
	"capability": capability,
}

entry_of_rule(reason, layer, rule) := {
	"reason": reason,
	"layer": layer.name,
	"rule": rule.id,
	"source": rule.source,
}

reason_of_lack(capability) := "egress_not_allowed" if capability == "network.egress"

reason_of_lack(capability) := "missing_capability" if capability != "network.egress"

reason_of_rule(rule) := "command_too_large" if rule.is_unread

reason_of_rule(rule) := "egress_not_allowed" if {
	rule.touched.hosts
	not rule.is_unread
}

reason_of_rule(rule) := "denied_by_rule" if {
	not rule.touched.hosts
	not rule.is_unread
}
