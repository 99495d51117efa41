//! An S3-compatible store: a small one of the test's own, which keeps objects in memory and knows what is asked of it here.
//! It does not check signatures, only whose they are.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actix_web::http::Method;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use serde_json::Value;

use crate::daemon::eventually;
use crate::process::{ProcessDaemon, token};
use crate::yard::text;

/// By their paths, and the parts of what is not put together yet.
#[derive(Default)]
struct Bucket {
    objects: BTreeMap<String, Vec<u8>>,
    parts: BTreeMap<u32, Vec<u8>>,
    largest: usize,
    aborted: usize,
}

type Shared = Arc<Mutex<Bucket>>;

fn xml(text: &str) -> HttpResponse {
    HttpResponse::Ok().content_type("application/xml").body(format!("<?xml version=\"1.0\"?>{text}"))
}

fn missing() -> HttpResponse {
    HttpResponse::NotFound().body("<Error><Code>NoSuchKey</Code></Error>")
}

async fn answer(request: HttpRequest, body: Bytes, bucket: Data<Shared>) -> HttpResponse {
    let signed = request.headers().get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !signed.contains("Credential=key/") {
        return HttpResponse::Forbidden().body("<Error><Code>InvalidAccessKeyId</Code></Error>");
    }
    let mut bucket = bucket.lock().unwrap();
    let (path, query) = (request.path().to_owned(), request.query_string().to_owned());
    let query: BTreeMap<&str, &str> = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    bucket.largest = bucket.largest.max(body.len());
    match (request.method(), query.get("partNumber"), query.contains_key("uploadId")) {
        (&Method::PUT, Some(number), _) => {
            bucket.parts.insert(number.parse().unwrap(), body.to_vec());
            HttpResponse::Ok().insert_header(("etag", format!("\"{number}\""))).finish()
        }
        (&Method::PUT, None, _) => {
            bucket.objects.insert(path, body.to_vec());
            HttpResponse::Ok().insert_header(("etag", "\"whole\"")).finish()
        }
        (&Method::POST, _, true) => {
            let whole = std::mem::take(&mut bucket.parts).into_values().flatten().collect();
            bucket.objects.insert(path, whole);
            xml("<CompleteMultipartUploadResult><ETag>\"whole\"</ETag></CompleteMultipartUploadResult>")
        }
        (&Method::POST, _, false) if query.contains_key("uploads") => {
            xml("<InitiateMultipartUploadResult><UploadId>7</UploadId></InitiateMultipartUploadResult>")
        }
        (&Method::POST, _, false) if query.contains_key("delete") => {
            let body = String::from_utf8(body.to_vec()).unwrap();
            let key = body.split("<Key>").nth(1).unwrap().split("</Key>").next().unwrap().to_owned();
            bucket.objects.remove(&format!("{}/{key}", path.trim_end_matches('/')));
            xml(&format!("<DeleteResult><Deleted><Key>{key}</Key></Deleted></DeleteResult>"))
        }
        (&Method::DELETE, _, true) => {
            bucket.parts.clear();
            bucket.aborted += 1;
            HttpResponse::NoContent().finish()
        }
        (&Method::DELETE, ..) => {
            bucket.objects.remove(&path);
            HttpResponse::NoContent().finish()
        }
        (&Method::GET | &Method::HEAD, ..) => {
            let Some(object) = bucket.objects.get(&path) else { return missing() };
            let range = request.headers().get("range").and_then(|range| range.to_str().ok()?.strip_prefix("bytes="));
            let mut answer = HttpResponse::Ok();
            let mut part = object.clone();
            if let Some((from, to)) = range.and_then(|range| range.split_once('-')) {
                let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
                part = object[from..=to].to_vec();
                answer = HttpResponse::PartialContent();
                answer.insert_header(("content-range", format!("bytes {from}-{to}/{}", object.len())));
            }
            answer
                .insert_header(("etag", "\"whole\""))
                .insert_header(("last-modified", "Sat, 28 Nov 2026 00:00:00 GMT"))
                .body(part)
        }
        _ => HttpResponse::MethodNotAllowed().finish(),
    }
}

/// Serves until the process ends.
fn serve(bucket: &Shared) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    let bucket = Arc::clone(bucket);
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let (bucket, limit) = (Data::new(Arc::clone(&bucket)), PayloadConfig::new(64 << 20));
                App::new().app_data(bucket).app_data(limit).default_service(web::to(answer))
            });
            let server = server.workers(1).bind(("127.0.0.1", 0)).unwrap();
            tell.send(server.addrs()[0]).unwrap();
            server.run().await.unwrap();
        });
    });
    told.recv().unwrap()
}

fn daemon(database: &str, endpoint: &str, key: &str) -> ProcessDaemon {
    ProcessDaemon::start(
        database,
        &[
            ("TENFOUR_ATTACHMENTS", "s3://chat/files/here"),
            ("TENFOUR_MAX_ATTACHMENT_BYTES", "20000000"),
            ("AWS_ENDPOINT", endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "nowhere-1"),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ],
    )
}

#[tokio::test]
async fn a_bucket_takes_small_ones_whole_and_large_ones_in_parts() {
    let bucket = Shared::default();
    let endpoint = format!("http://{}", serve(&bucket));
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("t.db").display());
    let process = daemon(&database, &endpoint, "key");
    let http = reqwest::Client::new();
    let url = |path: &str| format!("http://{}/api/v1/attachments{path}", process.addr);
    for size in [1000, 12_000_000] {
        let content: Vec<u8> = (0..=250).cycle().take(size).collect();
        let upload = http.post(url("?name=a")).bearer_auth(token("ben")).body(content.clone());
        let answer = upload.send().await.unwrap();
        let (status, body) = (answer.status().as_u16(), answer.text().await.unwrap());
        assert_eq!(status, 201, "{body}\n{}", process.log());
        let id = text(&serde_json::from_str::<Value>(&body).unwrap()["id"]);
        {
            let bucket = bucket.lock().unwrap();
            // What was put there to try it out may not be gone yet.
            let (path, _) = bucket.objects.iter().find(|(_, object)| **object == content).unwrap();
            assert!(path.starts_with("/chat/files/here/"), "{path}");
            assert!(bucket.largest <= 5 << 20, "{} bytes at once", bucket.largest);
        }
        let get = |range: Option<&str>| {
            let get = http.get(url(&format!("/{id}"))).bearer_auth(token("ben"));
            let get = if let Some(range) = range { get.header("range", range) } else { get };
            async { get.send().await.unwrap().bytes().await.unwrap() }
        };
        assert!(get(None).await == content);
        assert!(get(Some("bytes=7-11")).await == content[7..12]);
        let discard = http.delete(url(&format!("/{id}"))).bearer_auth(token("ben"));
        assert_eq!(discard.send().await.unwrap().status().as_u16(), 204);
        eventually("the object is deleted", async || bucket.lock().unwrap().objects.is_empty()).await;
    }
    // What is too long in the end leaves neither parts nor an object.
    let long = futures_util::stream::iter((0..25).map(|_| Ok::<_, std::io::Error>(vec![7_u8; 1 << 20])));
    let upload = http.post(url("?name=a")).bearer_auth(token("ben")).body(reqwest::Body::wrap_stream(long));
    // The daemon may end the connection before all is written, so that nothing is heard of why.
    if let Ok(answer) = upload.send().await {
        assert_eq!(answer.status().as_u16(), 413);
    }
    eventually("nothing is left", async || {
        let bucket = bucket.lock().unwrap();
        bucket.aborted == 1 && bucket.parts.is_empty() && bucket.objects.is_empty()
    })
    .await;
}

/// Found when the daemon starts, which it does all the same: messages need no bucket.
#[tokio::test]
async fn a_bucket_that_is_not_ours_is_told_at_once() {
    let bucket = Shared::default();
    let endpoint = format!("http://{}", serve(&bucket));
    let folder = tempfile::tempdir().unwrap();
    let database = format!("sqlite:{}", folder.path().join("t.db").display());
    let process = daemon(&database, &endpoint, "another");
    eventually("it is in the log", async || process.log().contains("check TENFOUR_ATTACHMENTS")).await;
    let url = format!("http://{}/api/v1/attachments?name=a", process.addr);
    let upload = reqwest::Client::new().post(url).bearer_auth(token("ben")).body("content").send().await.unwrap();
    assert_eq!(upload.status().as_u16(), 503);
    assert!(bucket.lock().unwrap().objects.is_empty());
    drop(process);
    // With the right key nothing is said, and nothing is left of what tried it out.
    let process = daemon(&database, &endpoint, "key");
    eventually("it was tried", async || bucket.lock().unwrap().largest > 0).await;
    eventually("nothing is left", async || bucket.lock().unwrap().objects.is_empty()).await;
    assert!(!process.log().contains("check TENFOUR_ATTACHMENTS"), "{}", process.log());
}
