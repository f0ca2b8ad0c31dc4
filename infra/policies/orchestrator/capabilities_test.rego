package orchestrator.capabilities_test

import data.orchestrator.capabilities

# A write inside of the envelope of an approved step: allowed.
base := {
	"subject": {
		"agent": "code-writer",
		"tool": "write_file",
		"capabilities": ["repo.read", "repo.write", "test.run"],
		"approvals": [{"kind": "plan", "hash": "now"}],
		"run_mode": "consumer",
	},
	"action": {
		"type": "tool.call",
		"capabilities": ["repo.write"],
		"run_mode": "consumer",
		"cost_usd": 0,
		"call_hash": "call",
		"subject_hash": "subject",
	},
	"context": {
		"capabilities": {"role_bindings": {}, "tenant_role_bindings": {}},
		"profile": {"approval_policy": {}},
		"envelope": {"inside": true, "approvable": true},
		"step": {"hash": "now", "approval_required": false},
		"layers": [],
	},
}

changed(operations) := json.patch(base, operations)

put(path, value) := {"op": "replace", "path": path, "value": value}

decided(operations) := result if {
	result := capabilities.decision with input as changed(operations)
}

# `layer/rule: reason` of everything that stands against the call.
against(operations) := {text |
	some entry in decided(operations).deny
	text := sprintf("%s/%s: %s", [entry.layer, entry.rule, entry.reason])
}

is_allowed(operations) if {
	result := decided(operations)
	result.allow == true
	result.requires_approval == false
	count(result.deny) == 0
}

is_asked(operations, entries) if {
	result := decided(operations)
	result.allow == false
	result.requires_approval == true
	against(operations) == entries
}

is_denied(operations, entries) if {
	result := decided(operations)
	result.allow == false
	result.requires_approval == false
	against(operations) == entries
}

no_plan := put("/subject/approvals", [])

outside := put("/context/envelope/inside", false)

hopeless := put("/context/envelope/approvable", false)

grant(hash) := put("/subject/approvals", [{"kind": "call", "hash": hash}])

file(rules) := put("/context/layers", [{"name": "user", "rules": rules}])

rule(fields) := object.union({"id": "r", "effect": "deny", "source": "f:3", "touched": {}}, fields)

test_allows_inside_of_the_approved_envelope if is_allowed([])

# --- no answer ---

test_denies_an_input_that_is_not_whole if {
	every path in [
		"/subject/agent", "/subject/tool", "/subject/capabilities", "/subject/approvals", "/subject/run_mode",
		"/action/type", "/action/capabilities", "/action/run_mode", "/action/cost_usd", "/action/call_hash",
		"/action/subject_hash", "/context/capabilities/role_bindings", "/context/capabilities/tenant_role_bindings",
		"/context/profile", "/context/profile/approval_policy", "/context/envelope/inside",
		"/context/envelope/approvable", "/context/step/hash", "/context/step/approval_required", "/context/layers",
	] {
		result := decided([{"op": "remove", "path": path}])
		result.allow == false
		result.requires_approval == false
		"built-in/malformed_input: policy_unavailable" in against([{"op": "remove", "path": path}])
	}
}

test_denies_values_of_another_kind if {
	every change in [
		put("/subject/agent", 1), put("/subject/tool", 1), put("/subject/capabilities", [1]), put("/subject/capabilities", {"a": "repo.write"}),
		put("/subject/approvals", {}), put("/subject/approvals", [{"kind": "any", "hash": "now"}]),
		put("/subject/approvals", [{"kind": "plan", "hash": 1}]), put("/subject/run_mode", "other"),
		put("/action/type", 1), put("/action/capabilities", ["repo.read", 1]), put("/action/run_mode", "other"),
		put("/action/cost_usd", "0"), put("/action/call_hash", 1), put("/action/subject_hash", 1),
		put("/context/profile/approval_policy", []), put("/context/profile/approval_policy", {"repo.read": "maybe"}),
		put("/context/envelope/inside", "yes"), put("/context/envelope/approvable", "yes"),
		put("/context/step/hash", 1), put("/context/step/approval_required", "no"), put("/context/layers", {}),
		put("/context/capabilities/role_bindings", []), put("/context/capabilities/tenant_role_bindings", []),
		put("/context/layers", [{"name": 1, "rules": []}]), put("/context/layers", [{"name": "user"}]),
		file([rule({"id": 1})]), file([rule({"source": 1})]), file([rule({"effect": "allow"})]),
		file([rule({"touched": []})]), file([rule({"touched": {"paths": "a"}})]),
		file([rule({"capabilities": "repo.read"})]), file([rule({"tools": ["read_file", 1]})]),
		file([rule({"max_cost_usd": "1"})]), file([rule({"is_unread": false})]),
	] {
		"built-in/malformed_input: policy_unavailable" in against([change])
	}
}

test_denies_an_empty_input if {
	result := capabilities.decision with input as {}
	result.allow == false
	result.requires_approval == false
}

# --- what nobody can approve ---

test_denies_an_agent_without_profile if {
	is_denied([put("/context/profile", null)], {"profile/profile_missing: agent_profile_missing"})
	is_denied(
		[put("/context/profile", null), put("/subject/capabilities", [])],
		{"profile/profile_missing: agent_profile_missing"},
	)
}

test_denies_a_plan_of_another_run_mode if {
	is_denied([put("/subject/run_mode", "enterprise")], {"built-in/run_mode: run_mode_mismatch"})
	is_denied([put("/action/run_mode", "enterprise")], {"built-in/run_mode: run_mode_mismatch"})
	is_allowed([put("/subject/run_mode", "enterprise"), put("/action/run_mode", "enterprise")])
}

test_denies_a_tool_without_capability if {
	is_denied([put("/action/capabilities", [])], {"built-in/tool_without_capability: missing_capability"})
}

test_denies_an_unknown_capability if {
	is_denied(
		[put("/action/capabilities", ["repo.burn"]), put("/subject/capabilities", ["repo.burn"])],
		{"built-in/unknown_capability: missing_capability"},
	)
}

test_denies_a_capability_that_is_not_held if {
	is_denied([put("/subject/capabilities", ["repo.read"])], {"profile/capability_not_held: missing_capability"})
	is_denied(
		[put("/action/capabilities", ["test.run", "network.egress"])],
		{"profile/capability_not_held: egress_not_allowed"},
	)
}

test_denies_what_the_profile_denies if {
	is_denied(
		[put("/context/profile/approval_policy", {"repo.write": "deny"})],
		{"profile/denied_by_profile: missing_capability"},
	)
	is_allowed([put("/context/profile/approval_policy", {"repo.read": "deny"})])
}

test_bindings_narrow if {
	every name in ["role_bindings", "tenant_role_bindings"] {
		path := concat("/", ["/context/capabilities", name])
		is_denied([put(path, {"code-writer": ["repo.read"]})], {"profile/capability_not_held: missing_capability"})
		is_allowed([put(path, {"code-writer": ["repo.write"]})])
		is_allowed([put(path, {"tester": []})])
		not is_allowed([put(path, {"code-writer": ["repo.write"]}), put("/subject/capabilities", [])])
	}
}

test_denies_what_cannot_be_approved if {
	is_denied([outside, hopeless], {
		"plan/cannot_be_approved: outside_envelope",
		"plan/outside_envelope: approval_required",
	})
	is_denied([outside, hopeless, grant("call")], {"plan/cannot_be_approved: outside_envelope"})
	is_allowed([hopeless])
}

# --- what a person can approve ---

test_asks_outside_of_the_envelope if {
	is_asked([outside], {"plan/outside_envelope: approval_required"})
	is_allowed([outside, grant("call")])
	is_allowed([outside, grant("subject")])
	not is_allowed([outside, grant("other")])
	every hash in ["call", "subject"] {
		approvals := [{"kind": "plan", "hash": "now"}, {"kind": "step", "hash": hash}]
		is_asked([outside, put("/subject/approvals", approvals)], {"plan/outside_envelope: approval_required"})
	}
}

test_asks_without_approval_of_this_revision if {
	is_asked([no_plan], {"plan/plan_not_approved: approval_required"})
	is_asked([put("/context/step/hash", "later")], {"plan/plan_not_approved: approval_required"})
	is_asked(
		[put("/subject/approvals", [{"kind": "step", "hash": "now"}])],
		{"plan/plan_not_approved: approval_required"},
	)
	is_allowed([no_plan, put("/action/capabilities", ["repo.read"])])
	is_allowed([grant("call")])
}

test_asks_where_the_profile_asks if {
	asks := put("/context/profile/approval_policy", {"repo.read": "human_approval"})
	is_asked([no_plan, put("/action/capabilities", ["repo.read"]), asks], {"plan/plan_not_approved: approval_required"})
	is_allowed([put("/action/capabilities", ["repo.read"]), asks])
}

test_asks_again_for_a_step_that_wants_it if {
	again := put("/context/step/approval_required", true)
	both := put("/subject/approvals", [{"kind": "plan", "hash": "now"}, {"kind": "step", "hash": "now"}])
	old := put("/subject/approvals", [{"kind": "plan", "hash": "now"}, {"kind": "step", "hash": "before"}])
	is_asked([again], {"plan/step_not_approved: approval_required"})
	is_asked([again, old], {"plan/step_not_approved: approval_required"})
	is_allowed([again, both])
	is_allowed([again, grant("call")])
	is_allowed([again, put("/action/capabilities", ["repo.read"])])
}

# --- rules of the policy files ---

test_a_rule_denies_or_asks if {
	is_denied([file([rule({})])], {"user/r: denied_by_rule"})
	is_denied([file([rule({})]), grant("call")], {"user/r: denied_by_rule"})
	is_asked([file([rule({"effect": "ask"})])], {"user/r: approval_required"})
	is_allowed([file([rule({"effect": "ask"})]), grant("call")])
}

test_a_rule_names_its_place if {
	result := decided([file([rule({})])])
	result.deny == {{"reason": "denied_by_rule", "layer": "user", "rule": "r", "source": "f:3"}}
}

test_a_rule_about_hosts_says_so if {
	is_denied([file([rule({"touched": {"hosts": ["h"]}})])], {"user/r: egress_not_allowed"})
}

test_a_rule_about_commands_says_that_one_could_not_be_read if {
	is_denied([file([rule({"is_unread": true, "touched": {"commands": ["c"]}})])], {"user/r: command_too_large"})
	is_denied([file([rule({"is_unread": true, "touched": {"commands": ["c"], "hosts": ["h"]}})])], {"user/r: command_too_large"})
	is_asked([file([rule({"is_unread": true, "effect": "ask", "touched": {"commands": ["c"]}})])], {"user/r: approval_required"})
}

test_a_rule_applies_when_all_it_names_fits if {
	every fields in [
		{"capabilities": ["repo.write", "repo.read"]},
		{"tools": ["write_file"]},
		{"touched": {"paths": ["a"], "commands": ["b"]}},
		{"capabilities": ["repo.write"], "tools": ["write_file"], "touched": {"paths": ["a"]}},
	] {
		is_denied([file([rule(fields)])], {"user/r: denied_by_rule"})
	}
	every fields in [
		{"capabilities": ["repo.read"]},
		{"tools": ["read_file"]},
		{"touched": {"paths": []}},
		{"touched": {"paths": ["a"], "commands": []}},
		{"capabilities": ["repo.write"], "tools": ["read_file"]},
		{"tools": ["write_file"], "touched": {"paths": []}},
		{"max_cost_usd": 0},
	] {
		is_allowed([file([rule(fields), object.union(rule(fields), {"effect": "ask"})])])
	}
}

test_a_rule_about_cost_takes_the_unknown_for_too_much if {
	limit := file([rule({"max_cost_usd": 2})])
	is_allowed([limit, put("/action/cost_usd", 2)])
	is_denied([limit, put("/action/cost_usd", 2.5)], {"user/r: denied_by_rule"})
	is_denied([limit, put("/action/cost_usd", null)], {"user/r: denied_by_rule"})
	is_allowed([put("/action/cost_usd", null)])
}

test_the_strictest_layer_wins if {
	layers := put("/context/layers", [
		{"name": "admin", "rules": [rule({"effect": "ask"})]},
		{"name": "project", "rules": []},
		{"name": "user", "rules": [rule({})]},
	])
	is_denied([layers], {"admin/r: approval_required", "user/r: denied_by_rule"})
}
