package config

import (
	"strings"

	"countersign/conformance"
)

// Member is a member of a flow's metadata document that the file may say in its place (section 3 of the profile).
type Member struct {
	Name string
	// Lifetime: whole seconds; else a URL.
	Lifetime bool
}

// Members are those of a flow.
func Members(flow conformance.Flow) []Member {
	var endpoints, lifetimes string
	switch flow.Name {
	case "bidirectional":
		endpoints = "temporary_credential_endpoint authorization_endpoint token_endpoint revocation_endpoint resource_endpoint token_handover_endpoint " +
			"start_endpoint callback_endpoint delegation_endpoint"
		lifetimes = "temporary_credential_lifetime access_token_lifetime timestamp_window"
	case "ticket":
		endpoints = "registration_endpoint authentication_endpoint refresh_endpoint verification_endpoint revocation_endpoint resource_endpoint use_endpoint logout_endpoint"
		lifetimes = "authorization_key_lifetime refresh_key_lifetime refresh_grace"
	case "mobile":
		endpoints = "authentication_endpoint registration_endpoint deregistration_endpoint wipe_acknowledgement_endpoint shared_token_endpoint rules_endpoint " +
			"sealing_keys_endpoint key_rotation_endpoint rules_audit_endpoint jwks_uri resource_endpoint start_endpoint enrolment_endpoint holdings_endpoint notification_endpoint"
		lifetimes = "access_token_lifetime proof_window"
	case "offline":
		endpoints = "application_endpoint verification_endpoint password_endpoint near_field_endpoint start_endpoint password_setting_endpoint"
		lifetimes = "challenge_lifetime"
	case "unified":
		endpoints = "portal_endpoint authorization_endpoint logout_endpoint token_endpoint authentication_endpoint status_endpoint registration_endpoint review_endpoint " +
			"key_endpoint jwks_uri access_endpoint callback_endpoint home_endpoint resource_endpoint batch_logout_endpoint user_logout_endpoint backchannel_logout_endpoint"
		lifetimes = "code_lifetime pass_token_lifetime message_window key_overlap batch_idle_time batch_max_wait logout_bound credential_lifetime"
	}
	var all []Member
	for _, name := range strings.Fields(endpoints + " test_clock_endpoint") {
		all = append(all, Member{Name: name})
	}
	for _, name := range strings.Fields(lifetimes) {
		all = append(all, Member{Name: name, Lifetime: true})
	}
	return all
}
