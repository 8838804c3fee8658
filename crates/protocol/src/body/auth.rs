//! Users and policies.

body! {
    /// One user.
    UserInfo {
        password "password": Option<String>,
        user_status "userStatus": Option<String>,
        user_type "userType": Option<String>,
        username "username": Option<String>,
    }

    /// Actions on one resource.
    PolicyEntryInfo {
        actions "actions": Option<Vec<String>>,
        decision "decision": Option<String>,
        resource "resource": Option<String>,
        source_ips "sourceIps": Option<Vec<String>>,
    }

    /// Policies of one kind, `CUSTOM` or `DEFAULT`.
    PolicyInfo {
        entries "entries": Option<Vec<PolicyEntryInfo>>,
        policy_type "policyType": Option<String>,
    }

    /// Policies of one subject.
    AclInfo {
        policies "policies": Option<Vec<PolicyInfo>>,
        subject "subject": Option<String>,
    }
}
