# Whether an input holds every fact the decision reads, each of its kind. In Rego a missing field
# makes a condition undefined, and so a rule silent: a silent deny rule would be an allow.
package orchestrator.input_shape

well_formed if {
	well_formed_subject
	well_formed_action
	well_formed_envelope
	well_formed_step
	well_formed_bindings
	well_formed_profile
	every layer in input.context.layers {
		is_string(layer.name)
		every rule in layer.rules {
			well_formed_rule(rule)
		}
	}
	is_array(input.context.layers)
}

well_formed_subject if {
	subject := input.subject
	is_string(subject.agent)
	is_string(subject.tool)
	is_run_mode(subject.run_mode)
	is_words(subject.capabilities)
	is_array(subject.approvals)
	every approval in subject.approvals {
		approval.kind in {"plan", "step", "call"}
		is_string(approval.hash)
	}
}

well_formed_action if {
	action := input.action
	is_string(action.type)
	is_words(action.capabilities)
	is_run_mode(action.run_mode)
	is_string(action.call_hash)
	is_string(action.subject_hash)
	is_cost(action.cost_usd)
}

well_formed_envelope if {
	is_boolean(input.context.envelope.inside)
	is_boolean(input.context.envelope.approvable)
}

well_formed_step if {
	is_string(input.context.step.hash)
	is_boolean(input.context.step.approval_required)
}

well_formed_bindings if {
	is_object(input.context.capabilities.role_bindings)
	is_object(input.context.capabilities.tenant_role_bindings)
}

well_formed_profile if input.context.profile == null

well_formed_profile if {
	is_object(input.context.profile.approval_policy)
	every rule in input.context.profile.approval_policy {
		rule in {"human_approval", "deny", "auto"}
	}
}

well_formed_rule(rule) if {
	is_string(rule.id)
	is_string(rule.source)
	rule.effect in {"deny", "ask"}
	is_object(rule.touched)
	every touched in rule.touched {
		is_array(touched)
	}
	every name in ["capabilities", "tools"] {
		is_words(object.get(rule, name, []))
	}
	is_number(object.get(rule, "max_cost_usd", 0))
	object.get(rule, "is_unread", true) == true
}

is_run_mode(value) if value in {"consumer", "enterprise"}

is_words(values) if {
	is_array(values)
	every value in values {
		is_string(value)
	}
}

is_cost(value) if value == null

is_cost(value) if is_number(value)
