# Generated from packages/contracts/src/capability.ts by `make gen`; do not edit.
package orchestrator.capability_table

default_rule := {
	"repo.read": "auto",
	"repo.write": "approval",
	"test.run": "auto",
	"network.egress": "approval",
	"github.write": "approval",
	"release.publish": "approval",
}
