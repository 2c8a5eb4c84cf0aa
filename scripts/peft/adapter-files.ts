/** Names of an adapter's files: PEFT's own, and what lies beside them. */
export const ADAPTER_CONFIG = "adapter_config.json";
export const ADAPTER_MODEL = "adapter_model.safetensors";
/** The model's, which may name the labels. */
export const MODEL_CONFIG = "config.json";
/** classifier.weight and .bias of an adapter of the bare encoder; its metadata says the `pooling`. */
export const HEAD_FILE = "head.safetensors";
