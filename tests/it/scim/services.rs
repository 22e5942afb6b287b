//! The services that the other tests use are what those tests take them for.

use reqwest::Method;
use serde_json::Value;
use serde_json::json;

use crate::server::scim::Kind;
use crate::server::scim::ScimServer;
use crate::server::scim::Tenant;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn ada() -> Value {
    json!({
        "schemas": [USER],
        "userName": "ada",
        "password": "first Password 1",
        "active": true,
        "name": { "givenName": "Ada", "familyName": "Byron" },
    })
}

async fn create(tenant: &Tenant, user: &Value) -> Value {
    let created = tenant.post("/Users", user).await;
    assert_eq!(created.status, 201, "{created:?}");
    created.body
}

#[tokio::test]
async fn every_service_starts_and_keeps_its_tenants_apart() {
    for kind in Kind::ALL {
        let server = ScimServer::shared(kind);
        let (one, other) = (server.tenant(), server.tenant());
        create(&one, &ada()).await;
        assert_eq!(one.users().await.len(), 1, "{kind:?}");
        assert_eq!(other.users().await.len(), 0, "{kind:?}");
        create(&other, &ada()).await;
        let stores_passwords = kind != Kind::DjangoScim2Server;
        assert_eq!(one.login("ada", "first Password 1").await, stores_passwords, "{kind:?}");
        assert!(!one.login("ada", "second Password 2").await, "{kind:?}");
        assert!(!one.login("bob", "first Password 1").await, "{kind:?}");
    }
}

#[tokio::test]
async fn every_service_refuses_another_token() {
    for kind in Kind::ALL {
        let tenant = ScimServer::shared(kind).tenant();
        let url = format!("{}/Users", tenant.base);
        let answer = reqwest::Client::new().get(url).bearer_auth("other").send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 401, "{kind:?}");
    }
}

#[tokio::test]
async fn the_limited_service_offers_neither_patch_nor_filter() {
    let tenant = ScimServer::shared(Kind::Limited).tenant();
    let id = create(&tenant, &ada()).await["id"].as_str().expect("an id").to_owned();
    assert_eq!(tenant.get("/Users?filter=userName%20eq%20%22ada%22").await.status, 501);
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "active", "value": false }],
    });
    assert_eq!(tenant.ask(Method::PATCH, &format!("/Users/{id}"), Some(&patch)).await.status, 501);
    for n in 0..6 {
        let mut user = ada();
        user["userName"] = format!("user-{n}").into();
        create(&tenant, &user).await;
    }
    let page = tenant.get("/Users?count=100").await;
    assert_eq!(
        (page.body["totalResults"].as_u64(), page.body["Resources"].as_array().map(Vec::len)),
        (Some(7), Some(5))
    );
}

#[tokio::test]
async fn the_service_without_the_extension_refuses_it() {
    let mut user = ada();
    user["schemas"] = json!([USER, ENTERPRISE]);
    user[ENTERPRISE] = json!({ "department": "Analysis" });
    let with = ScimServer::shared(Kind::Scim2).tenant();
    assert_eq!(with.post("/Users", &user).await.body[ENTERPRISE]["department"], "Analysis");
    let without = ScimServer::shared(Kind::WithoutEnterprise).tenant();
    assert_eq!(without.post("/Users", &user).await.status, 400);
    assert_eq!(create(&without, &ada()).await["userName"], "ada");
}
