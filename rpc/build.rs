//! Generates messages, clients and servers from `proto/`. No `protoc` is needed.

use std::path::PathBuf;

const FILES: [&str; 5] = [
    "meja/v1/values.proto",
    "meja/v1/availability.proto",
    "meja/v1/reservations.proto",
    "meja/v1/log.proto",
    "meja/v1/payments.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("../proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let mut compiler = protox::Compiler::new([&root])?;
    let files = compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    let descriptors = PathBuf::from(std::env::var("OUT_DIR")?).join("descriptors.bin");
    std::fs::write(&descriptors, files.encode_file_descriptor_set())?;
    let mut config = tonic_prost_build::Config::new();
    config.enable_type_names();
    let builder = tonic_prost_build::configure().codec_path("crate::codec::MessageCodec");
    builder.compile_fds_with_config(files.file_descriptor_set(), config)?;
    Ok(())
}
