//! A part of a service that one test has for itself, and a plain client for it.

use reqwest::Method;
use rosterd::roster::secret::Secret;
use serde_json::Value;
use serde_json::json;
use url::Url;

/// One tenant of a service.
pub struct Tenant {
    /// Where SCIM begins, without a slash at the end.
    pub base: Url,
    token: String,
    login: Url,
    client: reqwest::Client,
}

/// What a service answers.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Null where there is none, or none that is JSON.
    pub body: Value,
}

impl Tenant {
    pub fn new(base: Url, login: Url, token: String) -> Self {
        Self { base, token, login, client: reqwest::Client::new() }
    }

    pub fn token(&self) -> Secret {
        Secret::from(self.token.as_str())
    }

    /// Asks as an administrator would, with a path below the base such as `/Users?count=1`.
    pub async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request = self.client.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.header("Content-Type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let body = answer.bytes().await.expect("a body");
        Answer { status, body: serde_json::from_slice(&body).unwrap_or_default() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Returns all users, as far as one page has them.
    pub async fn users(&self) -> Vec<Value> {
        let list = self.get("/Users").await;
        assert_eq!(list.status, 200, "{list:?}");
        list.body["Resources"].as_array().cloned().unwrap_or_default()
    }

    /// Tries a login, as an application would. Only whether it succeeds is known: SCIM has no forced change.
    pub async fn login(&self, username: &str, password: &str) -> bool {
        let asked = json!({ "userName": username, "password": password }).to_string();
        let request = self.client.post(self.login.clone()).bearer_auth(&self.token);
        let answer = request.header("Content-Type", "application/json").body(asked).send().await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        answer.json().await.expect("yes or no")
    }
}
