//! The names Swarm gives a file: the root of a tree of chunks. `bzzr1` hashes a chunk as a binary
//! tree of its segments, the older `bzzr0` as one piece; both put the number of bytes below before.

use alloy_primitives::keccak256;

const CHUNK_BYTES: usize = 4096;
const HASH_BYTES: usize = 32;
/// Hashes in a chunk.
const BRANCHES: usize = CHUNK_BYTES / HASH_BYTES;

pub(crate) fn bzzr0(file: &[u8]) -> [u8; HASH_BYTES] {
    if file.len() <= CHUNK_BYTES {
        return with_span(file.len(), file);
    }
    let below: Vec<u8> = file
        .chunks(bytes_per_branch(file.len()))
        .flat_map(bzzr0)
        .collect();
    with_span(file.len(), &below)
}

pub(crate) fn bzzr1(file: &[u8]) -> [u8; HASH_BYTES] {
    if file.is_empty() {
        // Swarm has another name for it, solc writes zeros.
        return [0; HASH_BYTES];
    }
    bzzr1_chunk(file, false)
}

/// A full chunk that is the last branch of a high tree is wrapped in one more level; a shorter one
/// is not. So solc has it, and so its metadata.
fn bzzr1_chunk(data: &[u8], is_branch_of_high_tree: bool) -> [u8; HASH_BYTES] {
    let is_leaf =
        data.len() < CHUNK_BYTES || (data.len() == CHUNK_BYTES && !is_branch_of_high_tree);
    let mut chunk = if is_leaf {
        data.to_vec()
    } else {
        let branch = bytes_per_branch(data.len());
        let is_high = branch > CHUNK_BYTES;
        data.chunks(branch)
            .flat_map(|part| bzzr1_chunk(part, is_high))
            .collect()
    };
    chunk.resize(CHUNK_BYTES, 0);
    while chunk.len() > HASH_BYTES {
        let pairs = chunk.chunks(2 * HASH_BYTES);
        chunk = pairs.flat_map(|pair| keccak256(pair).0).collect();
    }
    with_span(data.len(), &chunk)
}

/// The smallest subtree of which a chunk's branches can hold that many bytes.
fn bytes_per_branch(bytes: usize) -> usize {
    let mut branch = CHUNK_BYTES;
    while branch.saturating_mul(BRANCHES) < bytes {
        branch = branch.saturating_mul(BRANCHES);
    }
    branch
}

fn with_span(bytes_below: usize, chunk: &[u8]) -> [u8; HASH_BYTES] {
    let span = u64::try_from(bytes_below).unwrap_or(u64::MAX).to_le_bytes();
    keccak256([span.as_slice(), chunk].concat()).0
}
