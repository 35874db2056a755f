//! The backend `mqtt` with a broker that talks TLS and asks for a password.

use std::fs;
use std::path::Path;

use crate::mosquitto::Mosquitto;
use crate::probe::{Bench, SOON};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

#[path = "common/mosquitto.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod mosquitto;
#[path = "common/probe.rs"]
mod probe;

/// Without the test harness: the environment is changed, for which there must be no other threads.
fn main() {
    let folder = tempfile::tempdir().unwrap();
    write_certificates(folder.path());
    // SAFETY: this is the only thread.
    unsafe { std::env::set_var("SSL_CERT_FILE", folder.path().join("authority.pem")) };
    let broker = Mosquitto::with(&format!(
        "certfile {0}/server.pem\nkeyfile {0}/server.key\ncafile {0}/authority.pem\n",
        folder.path().display()
    ));
    // A topic for each: the broker retains what the other one got.
    for (version, topic) in [("5", "new"), ("3.1.1", "old")] {
        let host = format!("mqtts://me:secret@localhost:{}", broker.port);
        let options = [("host", host.as_str()), ("protocol", version)];
        let mut sender = Bench::start("mqtt", &options, &[("a", topic)], &[]);
        let mut receiver = Bench::start("mqtt", &options, &[], &[("x", topic)]);
        sender.emit("a", 0.5);
        sender.turn();
        receiver.until("the value comes", SOON, |it| it.seen("x") == [0.5]);
        sender.router.shutdown();
        receiver.router.shutdown();
    }
    println!("TLS: ok");
}

/// An authority, and a certificate of it for `localhost`.
fn write_certificates(folder: &Path) {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(["localhost".to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    fs::write(folder.join("authority.pem"), authority.pem()).unwrap();
    fs::write(folder.join("server.pem"), server.pem()).unwrap();
    fs::write(folder.join("server.key"), key.serialize_pem()).unwrap();
}
