//! Users and access control, of both generations.

use super::NoFields;

requests! {
    /// Makes a user, given in the body.
    AUTH_CREATE_USER AuthCreateUser {
        username "username": Option<String>,
    } -> NoFields;

    /// Changes a user, given in the body.
    AUTH_UPDATE_USER AuthUpdateUser {
        username "username": Option<String>,
    } -> NoFields;

    /// Deletes a user.
    AUTH_DELETE_USER AuthDeleteUser {
        username "username": Option<String>,
    } -> NoFields;

    /// Asks for a user.
    AUTH_GET_USER AuthGetUser {
        username "username": Option<String>,
    } -> NoFields;

    /// Asks for users by a part of their name.
    AUTH_LIST_USER AuthListUser {
        filter "filter": Option<String>,
    } -> NoFields;

    /// Gives a subject the policies in the body.
    AUTH_CREATE_ACL AuthCreateAcl {
        subject "subject": Option<String>,
    } -> NoFields;

    /// Changes the policies of a subject to those in the body.
    AUTH_UPDATE_ACL AuthUpdateAcl {
        subject "subject": Option<String>,
    } -> NoFields;

    /// Deletes policies of a subject.
    AUTH_DELETE_ACL AuthDeleteAcl {
        subject "subject": Option<String>,
        policy_type "policyType": Option<String>,
        resource "resource": Option<String>,
    } -> NoFields;

    /// Asks for the policies of a subject.
    AUTH_GET_ACL AuthGetAcl {
        subject "subject": Option<String>,
    } -> NoFields;

    /// Asks for policies by parts of subject and resource.
    AUTH_LIST_ACL AuthListAcl {
        subject_filter "subjectFilter": Option<String>,
        resource_filter "resourceFilter": Option<String>,
    } -> NoFields;

    /// Makes or changes an account of 4.x access control.
    UPDATE_AND_CREATE_ACL_CONFIG UpdateAndCreateAclConfig {
        access_key "accessKey": String,
        secret_key "secretKey": Option<String>,
        white_remote_address "whiteRemoteAddress": Option<String>,
        admin "admin": bool = false,
        default_topic_perm "defaultTopicPerm": Option<String>,
        default_group_perm "defaultGroupPerm": Option<String>,
        topic_perms "topicPerms": Option<String>,
        group_perms "groupPerms": Option<String>,
    } -> NoFields;

    /// Deletes an account of 4.x access control.
    DELETE_ACL_CONFIG DeleteAclConfig {
        access_key "accessKey": String,
    } -> NoFields;

    /// Asks for the version of 4.x access control files.
    GET_BROKER_CLUSTER_ACL_INFO GetBrokerClusterAclInfo {} -> GetBrokerClusterAclInfoReply {
        version "version": Option<String>,
        all_acl_file_version "allAclFileVersion": Option<String>,
        broker_name "brokerName": Option<String>,
        broker_addr "brokerAddr": Option<String>,
        cluster_name "clusterName": Option<String>,
    };

    /// Sets addresses that 4.x access control lets through.
    UPDATE_GLOBAL_WHITE_ADDRS_CONFIG UpdateGlobalWhiteAddrsConfig {
        global_white_addrs "globalWhiteAddrs": String,
        acl_file_full_path "aclFileFullPath": Option<String>,
    } -> NoFields;

    /// Asks for the accounts of 4.x access control.
    GET_BROKER_CLUSTER_ACL_CONFIG GetBrokerClusterAclConfig {} -> NoFields;
}
