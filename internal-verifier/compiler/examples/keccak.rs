fn main() {
    for p in std::env::args().skip(1) {
        println!(
            "{} {}",
            p,
            hex::encode(alloy_primitives::keccak256(std::fs::read(&p).unwrap()))
        );
    }
}
