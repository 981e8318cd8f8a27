//! Who sent a request, as far as proxies in front of us tell.
//!
//! Each proxy adds the address that it saw to the end of `X-Forwarded-For`. What stands before the
//! entries of our own proxies was written by the client and may be anything.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::HttpRequest;

/// The client's IPv4 address, or its IPv6 network: a subscriber has at least a /64 of those, and could
/// take another address for each request.
pub(crate) fn client_address(request: &HttpRequest, proxies: usize) -> Option<IpAddr> {
    let forwarded: Vec<&str> = request
        .headers()
        .get_all("x-forwarded-for")
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let peer = request.peer_addr().map(|peer| peer.ip());
    seen_by_the_first(&forwarded, peer, proxies).map(network)
}

/// The outermost of our proxies saw the client; without any, we do.
fn seen_by_the_first(forwarded: &[&str], peer: Option<IpAddr>, proxies: usize) -> Option<IpAddr> {
    let at = forwarded.len().checked_sub(proxies);
    match at.and_then(|at| forwarded.get(at)) {
        Some(entry) => parse(entry.trim()),
        None => peer,
    }
}

/// Some proxies add the port.
fn parse(entry: &str) -> Option<IpAddr> {
    let with_port = || entry.parse::<SocketAddr>().map(|socket| socket.ip());
    entry.parse().or_else(|_| with_port()).ok()
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn of(forwarded: &[&str], proxies: usize) -> Option<String> {
        let mut request = TestRequest::default().peer_addr("10.0.0.1:9".parse().unwrap());
        for entry in forwarded {
            request = request.append_header(("x-forwarded-for", *entry));
        }
        client_address(&request.to_http_request(), proxies).map(|address| address.to_string())
    }

    #[test]
    fn only_what_our_own_proxies_wrote_is_believed() {
        let client = Some("203.0.113.7".to_owned());
        let peer = Some("10.0.0.1".to_owned());
        assert_eq!(of(&["1.1.1.1, 203.0.113.7"], 1), client);
        assert_eq!(of(&["1.1.1.1", "203.0.113.7, 10.1.1.1"], 2), client);
        assert_eq!(of(&["203.0.113.7:4711"], 1), client);
        assert_eq!(
            of(&["1.1.1.1"], 0),
            peer,
            "without proxies nobody is believed"
        );
        assert_eq!(of(&[], 1), peer, "a request that came past the proxy");
        assert_eq!(of(&["junk"], 1), None);
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        for address in ["2001:db8:1:2::7", "[2001:db8:1:2:ffff::1]:443"] {
            assert_eq!(of(&[address], 1), Some("2001:db8:1:2::".to_owned()));
        }
        assert_eq!(
            of(&["::ffff:203.0.113.7"], 1),
            Some("203.0.113.7".to_owned())
        );
    }
}
