//! A bare client for `benches/run`: uploads bodies through the HTTP client that keyform has, and does nothing else. What
//! `apply` adds to it, looking at answers and writing them down, is what keyform itself takes.
//!
//! `bare-client URL BODIES CONNECTIONS TOKEN` sends each line of the file BODIES once and prints how many went a second.

use std::error::Error;
use std::io::Write as _;
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use keyform::account::{Connection, http_client};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Url};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, bodies, connections, token] = arguments.as_slice() else {
        return Err("URL BODIES CONNECTIONS TOKEN".into());
    };
    let url: Url = url.parse()?;
    let bodies = std::fs::read_to_string(bodies)?;
    let connections: usize = connections.parse()?;
    let authorization = HeaderValue::try_from(format!("Bearer {token}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rate = runtime.block_on(async {
        let client = http_client(&Connection::local())
            .retry(reqwest::retry::never())
            .timeout(std::time::Duration::from_secs(30))
            .build()?;
        let mut waiting = bodies.lines();
        let mut in_flight = FuturesUnordered::new();
        let mut sent: u32 = 0;
        let begun = Instant::now();
        loop {
            while in_flight.len() < connections {
                let Some(body) = waiting.next() else { break };
                let mut request = Request::new(Method::POST, url.clone());
                request.headers_mut().insert(AUTHORIZATION, authorization.clone());
                request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                *request.body_mut() = Some(body.to_owned().into());
                let answer = client.execute(request);
                in_flight.push(async { answer.await?.error_for_status()?.bytes().await });
            }
            let Some(answer) = in_flight.next().await else { break };
            answer?;
            sent += 1;
        }
        Ok::<_, reqwest::Error>(f64::from(sent) / begun.elapsed().as_secs_f64())
    })?;
    writeln!(std::io::stdout(), "{rate:.0}")?;
    Ok(())
}
