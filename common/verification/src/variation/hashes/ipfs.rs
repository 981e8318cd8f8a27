//! The name IPFS gives a file: the SHA-256 of a tree of blocks.
//!
//! A file is cut into leaves; up to so many nodes are linked from one above, until one is left. A
//! block is written by two protocol-buffer formats, one within the other: what a node holds
//! (`UnixFS`), in what links to which (`dag-pb`). Few fields of each are ever used.

use sha2::{Digest, Sha256};

const LEAF_BYTES: usize = 256 << 10;
const MAX_LINKS: usize = 174;

/// The multihash prefix for SHA-256 and its length.
const SHA2_256: [u8; 2] = [0x12, 32];

/// Fields by their key: number, and whether a number or bytes follow.
mod field {
    pub(super) const UNIXFS_TYPE: u8 = 0x08;
    pub(super) const UNIXFS_DATA: u8 = 0x12;
    pub(super) const UNIXFS_FILE_SIZE: u8 = 0x18;
    pub(super) const UNIXFS_BLOCK_SIZE: u8 = 0x20;
    pub(super) const NODE_DATA: u8 = 0x0a;
    pub(super) const NODE_LINK: u8 = 0x12;
    pub(super) const LINK_HASH: u8 = 0x0a;
    pub(super) const LINK_NAME: u8 = 0x12;
    pub(super) const LINK_SIZE: u8 = 0x18;
}

const TYPE_FILE: usize = 2;

struct Node {
    multihash: Vec<u8>,
    /// Of the file below this node.
    file_bytes: usize,
    /// Of its block and all below.
    tree_bytes: usize,
}

/// What a content identifier of version 0 says, in bytes.
pub(crate) fn ipfs_multihash(file: &[u8]) -> Vec<u8> {
    let mut level: Vec<Node> = file.chunks(LEAF_BYTES).map(leaf).collect();
    loop {
        level = match level.as_slice() {
            [] => vec![leaf(&[])],
            [root] => return root.multihash.clone(),
            nodes => nodes.chunks(MAX_LINKS).map(parent).collect(),
        };
    }
}

fn leaf(data: &[u8]) -> Node {
    let mut file = Message::default();
    file.number(field::UNIXFS_TYPE, TYPE_FILE);
    if !data.is_empty() {
        file.bytes(field::UNIXFS_DATA, data);
    }
    file.number(field::UNIXFS_FILE_SIZE, data.len());
    let mut block = Message::default();
    block.bytes(field::NODE_DATA, &file.0);
    node(&block.0, data.len(), 0)
}

fn parent(children: &[Node]) -> Node {
    let sum = |size: fn(&Node) -> usize| children.iter().map(size).fold(0, usize::saturating_add);
    let (file_bytes, tree_bytes) = (sum(|node| node.file_bytes), sum(|node| node.tree_bytes));
    let mut block = Message::default();
    let mut file = Message::default();
    file.number(field::UNIXFS_TYPE, TYPE_FILE);
    file.number(field::UNIXFS_FILE_SIZE, file_bytes);
    for child in children {
        let mut link = Message::default();
        link.bytes(field::LINK_HASH, &child.multihash);
        link.bytes(field::LINK_NAME, &[]);
        link.number(field::LINK_SIZE, child.tree_bytes);
        block.bytes(field::NODE_LINK, &link.0);
        file.number(field::UNIXFS_BLOCK_SIZE, child.file_bytes);
    }
    block.bytes(field::NODE_DATA, &file.0);
    node(&block.0, file_bytes, tree_bytes)
}

fn node(block: &[u8], file_bytes: usize, below: usize) -> Node {
    Node {
        multihash: [SHA2_256.as_slice(), &Sha256::digest(block)].concat(),
        file_bytes,
        tree_bytes: block.len().saturating_add(below),
    }
}

/// A protocol-buffer message that is being written.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, key: u8, number: usize) {
        self.0.push(key);
        self.varint(number);
    }

    fn bytes(&mut self, key: u8, bytes: &[u8]) {
        self.number(key, bytes.len());
        self.0.extend_from_slice(bytes);
    }

    /// Seven bits a byte, the lowest first; the top bit says that more follow.
    fn varint(&mut self, number: usize) {
        let mut rest = number;
        loop {
            let [low, ..] = rest.to_le_bytes();
            rest >>= 7;
            if rest == 0 {
                return self.0.push(low);
            }
            self.0.push(low | 0x80);
        }
    }
}

const BASE: usize = 58;
const DIGITS: &[u8; BASE] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Bytes as a number in base 58. Leading zeros would need a rule of their own; a multihash has none.
pub(super) fn base58(bytes: &[u8]) -> String {
    // The lowest digit first.
    let mut digits: Vec<usize> = Vec::new();
    for byte in bytes {
        let mut carry = usize::from(*byte);
        for digit in &mut digits {
            carry = carry.saturating_add(*digit << 8);
            *digit = carry % BASE;
            carry /= BASE;
        }
        while carry > 0 {
            digits.push(carry % BASE);
            carry /= BASE;
        }
    }
    let digits = digits.iter().rev();
    let characters = digits.filter_map(|digit| DIGITS.get(*digit));
    characters.copied().map(char::from).collect()
}
