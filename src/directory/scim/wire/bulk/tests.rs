use proptest::prelude::*;

use super::*;

fn operation(method: Method, path: &str, bulk_id: &str) -> BulkOperation {
    let data = (method != Method::Delete).then(|| json!({"userName": bulk_id}));
    BulkOperation { method, path: path.to_owned(), bulk_id: bulk_id.to_owned(), version: None, data }
}

fn posts(n: usize) -> Vec<BulkOperation> {
    (0..n).map(|at| operation(Method::Post, "/Users", &format!("u{at}"))).collect()
}

fn size(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).expect("not zero")
}

fn statuses(request: &BulkRequest, answer: &Value) -> Vec<Option<u16>> {
    let response = BulkResponse::read(answer).expect("an answer");
    response.answers_to(request).into_iter().map(|answer| answer.and_then(|answer| answer.status)).collect()
}

#[test]
fn a_request_is_written_as_the_rfc_has_it() {
    let mut change = operation(Method::Patch, "/Users/b7c1", "p");
    change.version = ETag::new(r#"W/"edac3253e2c0ef2""#);
    let request = BulkRequest { operations: vec![operation(Method::Post, "/Users", "q"), change] };
    insta::assert_snapshot!(request.to_value(), @r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[{"method":"POST","path":"/Users","bulkId":"q","data":{"userName":"q"}},{"method":"PATCH","path":"/Users/b7c1","bulkId":"p","version":"W/\"edac3253e2c0ef2\"","data":{"userName":"p"}}]}"#);
    assert!(!format!("{request:?}").contains("userName"));
}

/// RFC 7644 section 3.7.3 has the first and the second, rustauth-scim answers with the object, others with a number.
#[test]
fn a_status_is_read_in_all_its_forms() {
    let request = BulkRequest { operations: posts(4) };
    let answer = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkResponse"],
        "Operations": [
            {"location": "https://example.com/v2/Users/1", "method": "POST", "bulkId": "u0", "status": "201"},
            {"location": "https://example.com/v2/Users/2", "method": "POST", "bulkId": "u1", "status": {"code": "201"}},
            {"location": "https://example.com/v2/Users/3", "method": "POST", "bulkId": "u2", "status": 201},
            {"method": "POST", "bulkId": "u3", "status": "Created"},
        ],
    });
    assert_eq!(statuses(&request, &answer), [Some(201), Some(201), Some(201), None]);
    let response = BulkResponse::read(&answer).expect("an answer");
    let first = response.answers_to(&request)[0].expect("there");
    assert_eq!(first.id().map(|id| id.to_string()), Some("1".to_owned()));
    assert!(first.is_success() && first.error().is_none());
}

#[test]
fn an_operation_that_failed_has_its_error() {
    let request = BulkRequest { operations: posts(2) };
    let answer = json!({"operations": [
        {"bulkId": "u0", "status": "409", "response": {"schemas": [urn::ERROR], "scimType": "uniqueness", "detail": "taken", "status": "409"}},
        {"bulkId": "u1", "status": {"code": 501}},
    ]});
    let response = BulkResponse::read(&answer).expect("an answer");
    let errors: Vec<String> =
        response.answers_to(&request).into_iter().flatten().filter_map(|a| Some(a.error()?.to_string())).collect();
    assert_eq!(errors, ["409 uniqueness: taken", "501"]);
}

#[test]
fn what_is_missing_or_there_twice_is_unknown() {
    let request = BulkRequest { operations: posts(4) };
    let answer = json!({"Operations": [
        {"bulkId": "u3", "status": "201"},
        {"bulkId": "u1", "status": "201"},
        {"bulkId": "u1", "status": "409"},
        {"bulkId": "other", "status": "201"},
        {"status": "201"},
        "nonsense",
    ]});
    assert_eq!(statuses(&request, &answer), [None, None, None, Some(201)]);
    assert_eq!(statuses(&request, &json!({"Operations": []})), [None; 4]);
}

/// RFC 7644 section 3.7.3: answers to all but POST come without a `bulkId`.
#[test]
fn an_answer_without_bulk_id_is_known_by_its_resource() {
    let request = BulkRequest {
        operations: vec![
            operation(Method::Put, "/Users/b7c1", "1"),
            operation(Method::Patch, "/Users/5d8d%40x", "2"),
            operation(Method::Delete, "/Users/e902", "3"),
            operation(Method::Patch, "/Users/twice", "4"),
            operation(Method::Delete, "/Users/twice", "5"),
            operation(Method::Post, "/Users", "6"),
        ],
    };
    let answer = json!({"Operations": [
        {"location": "https://example.com/v2/Users/e902", "method": "DELETE", "status": "204"},
        {"location": "/v2/Users/5d8d%40x", "method": "patch", "status": "200"},
        {"location": "https://example.com/v2/Users/b7c1", "method": "DELETE", "status": "404"},
        {"location": "https://example.com/v2/Users/twice", "status": "200"},
        {"location": "https://example.com/v2/Users/new", "method": "POST", "status": "201"},
    ]});
    assert_eq!(statuses(&request, &answer), [None, Some(200), Some(204), None, None, None]);
}

#[test]
fn what_is_no_bulk_response_is_misread() {
    for value in [json!(null), json!({}), json!({"Operations": {}}), json!({"schemas": [urn::ERROR], "status": "501"})]
    {
        assert_eq!(BulkResponse::read(&value), Err(Misread::NotABulkResponse), "{value}");
    }
    assert_eq!(statuses(&BulkRequest { operations: posts(1) }, &json!([{"bulkId": "u0", "status": 201}])), [Some(201)]);
}

#[test]
fn a_request_that_is_too_large_is_halved() {
    let (first, second) = BulkRequest { operations: posts(5) }.halves().expect("two");
    assert_eq!((first.operations.len(), second.operations.len()), (3, 2));
    assert!(BulkRequest { operations: posts(1) }.halves().is_none());
    assert!(BulkRequest::default().halves().is_none());
}

#[test]
fn a_large_operation_is_alone() {
    let mut operations = posts(3);
    operations[1].data = Some(json!({"userName": "x".repeat(500)}));
    let sizes: Vec<usize> =
        BulkRequest::split(operations, size(10), size(300)).iter().map(|request| request.operations.len()).collect();
    assert_eq!(sizes, [1, 1, 1]);
    assert!(BulkRequest::split(Vec::new(), size(10), size(300)).is_empty());
}

proptest! {
    #[test]
    fn requests_keep_within_the_limits(
        lengths in proptest::collection::vec(0usize..200, 0..40), most in 1usize..8, bytes in 400usize..2000,
    ) {
        let operations: Vec<BulkOperation> = lengths
            .iter()
            .enumerate()
            .map(|(at, length)| BulkOperation {
                data: Some(json!({"userName": "é".repeat(*length / 2)})),
                ..operation(Method::Post, "/Users", &at.to_string())
            })
            .collect();
        let requests = BulkRequest::split(operations.clone(), size(most), size(bytes));
        for request in &requests {
            prop_assert!(!request.operations.is_empty() && request.operations.len() <= most);
            prop_assert!(request.to_value().to_string().len() <= bytes);
        }
        let all: Vec<BulkOperation> = requests.into_iter().flat_map(|request| request.operations).collect();
        prop_assert_eq!(all, operations);
    }

    #[test]
    fn every_answer_reaches_its_operation(order in Just((0..12usize).collect::<Vec<_>>()).prop_shuffle(), lost in 0..12usize) {
        let request = BulkRequest { operations: posts(12) };
        let answers: Vec<Value> = order
            .iter()
            .filter(|at| **at != lost)
            .map(|at| json!({"bulkId": format!("u{at}"), "method": "POST", "status": 200 + at}))
            .collect();
        let wanted: Vec<Option<u16>> = (0..12).map(|at| (at != lost).then(|| 200 + at as u16)).collect();
        prop_assert_eq!(statuses(&request, &json!({ "Operations": answers })), wanted);
    }
}
