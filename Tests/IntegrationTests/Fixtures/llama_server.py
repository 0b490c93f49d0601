"""A real server of the OpenAI dialect (llama.cpp's) for a test: makes a tiny model of random weights in
the file that it is told, serves it on a free port of this machine, and ends when its input does."""

import sys

import gguf
import numpy as np
import xllamacpp


def model(path):
    """One layer of random weights over bytes that leans to short strings, so that answers end."""
    random = np.random.default_rng(1)
    vocabulary = ['<unk>', '<s>', '</s>'] + [f'<0x{byte:02X}>' for byte in range(256)]
    size, width, hidden, heads = len(vocabulary), 64, 128, 4
    writer = gguf.GGUFWriter(path, 'llama')
    writer.add_name('random')
    writer.add_context_length(65536)
    writer.add_embedding_length(width)
    writer.add_block_count(1)
    writer.add_feed_forward_length(hidden)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(width // heads)
    writer.add_vocab_size(size)
    writer.add_tokenizer_model('llama')
    writer.add_token_list(vocabulary)
    writer.add_token_scores([0.0] * size)
    writer.add_token_types([2, 3, 3] + [6] * 256)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_chat_template(
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:")

    def weights(*shape):
        return random.normal(0, 0.05, shape).astype(np.float32)

    embedding, output = weights(size, width), weights(size, width)
    # The first dimension is the same for every token: what it weighs is a leaning.
    embedding[:, 0] = 4
    for byte, leaning in {'"': 9, '}': 8, ']': 8, 'l': 7, 'c': 6, 'a': 1}.items():
        output[3 + ord(byte), 0] = leaning
    writer.add_tensor('token_embd.weight', embedding)
    writer.add_tensor('output.weight', output)
    writer.add_tensor('output_norm.weight', np.ones(width, np.float32))
    for name in ['attn_q', 'attn_k', 'attn_v', 'attn_output']:
        writer.add_tensor(f'blk.0.{name}.weight', weights(width, width))
    writer.add_tensor('blk.0.ffn_gate.weight', weights(hidden, width))
    writer.add_tensor('blk.0.ffn_up.weight', weights(hidden, width))
    writer.add_tensor('blk.0.ffn_down.weight', weights(width, hidden))
    for name in ['attn_norm', 'ffn_norm']:
        writer.add_tensor(f'blk.0.{name}.weight', np.ones(width, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


model(sys.argv[1])
parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.n_ctx = 32768
parameters.n_parallel = 1
parameters.hostnames = ['127.0.0.1']
parameters.port = 0
parameters.warmup = False
parameters.use_jinja = True
server = xllamacpp.Server(parameters)
print('LISTENING', server.listening_address, flush=True)
sys.stdin.read()
