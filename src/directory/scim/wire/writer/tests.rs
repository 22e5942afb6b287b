use super::*;

fn path(text: &str) -> AttributePath {
    AttributePath::parse(text).expect("a path")
}

#[test]
fn a_user_lists_the_schemas_that_it_uses() {
    let mut user = User::new("ann");
    insta::assert_snapshot!(user.to_value(), @r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann"}"#);
    user.set_password(&Secret::from("Tr0ub4dor"));
    user.put(&path("name.givenName"), "Ann".into());
    user.put(&path("name.familyName"), "Bee".into());
    user.put(&path("active"), true.into());
    user.put(&path("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value"), "7".into());
    user.put(&path("urn:example:params:scim:schemas:extension:school:1.0:User:rooms"), serde_json::json!(["3b"]));
    user.put(&path("title"), Value::Null);
    user.put(&path("userName"), "eve".into());
    user.put(&path("password"), "eve".into());
    insta::assert_snapshot!(user.to_value(), @r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","urn:example:params:scim:schemas:extension:school:1.0:User"],"userName":"ann","password":"Tr0ub4dor","name":{"givenName":"Ann","familyName":"Bee"},"active":true,"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"7"}},"urn:example:params:scim:schemas:extension:school:1.0:User":{"rooms":["3b"]}}"#);
}

#[test]
fn a_group_has_members_or_says_nothing_of_them() {
    let id = |text| ResourceId::new(text).expect("an id");
    insta::assert_snapshot!(Group::new("Staff", Vec::new()).to_value(), @r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff"}"#);
    let members = vec![NewMember::new(&id("1"), false), NewMember::new(&id("2"), true)];
    insta::assert_snapshot!(Group::new("Staff", members).with_external_id("x").to_value(), @r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Staff","externalId":"x","members":[{"value":"1"},{"value":"2","type":"User"}]}"#);
}
