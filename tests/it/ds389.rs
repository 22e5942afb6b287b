//! 389 Directory Server, for real.

use crate::server::ds389::Ds389;

#[tokio::test]
async fn it_starts() {
    let t = Ds389::shared().territory().await;
    println!("{:?}", t.read(&t.people_base()).await);
}
