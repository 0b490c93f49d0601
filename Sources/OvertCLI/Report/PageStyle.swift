internal import Oversight

/// How a report looks. Colours are in custom properties, for light and for dark; what a colour says
/// is said by a word or a line too. On paper it is light, and what is folded is open.
enum PageStyle {
  /// The name of a severity in the style: one of a fixed list whatever the text.
  static func name(ofSeverity text: String?) -> String {
    text.flatMap(Severity.init(rawValue:))?.rawValue ?? "none"
  }

  /// The name of a verdict in the style.
  static func name(of verdict: ReportedVerdict) -> String {
    if verdict.severity != nil { return name(ofSeverity: verdict.severity) }
    switch verdict.word {
    case "clear": return "clear"
    case "incomplete": return "incomplete"
    default: return "none"
    }
  }

  static let css = """
    :root{color-scheme:light dark;--page:#fff;--ink:#1b1b1b;--quiet:#565656;--line:#8a8a8a;\
    --box:#f5f5f5;--thought:#eef4fb;--link:#0b4f94;--critical:#ffc4c4;--high:#ffd6a5;\
    --medium:#fff0a8;--low:#cfe6ff;--info:#e6e6e6;--clear:#cdeccd;--incomplete:#ecd6f5}
    @media screen and (prefers-color-scheme:dark){:root{--page:#16181b;--ink:#e8e8e8;\
    --quiet:#b0b0b0;--line:#7d7d7d;--box:#212429;--thought:#1b2735;--link:#8ab8f5;\
    --critical:#7a2020;--high:#623d0a;--medium:#544a08;--low:#134266;--info:#3c4046;\
    --clear:#1f4a24;--incomplete:#50305e}}
    *{box-sizing:border-box}
    body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);\
    max-width:76rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
    h1{font-size:1.6rem}h2{font-size:1.3rem}h3{font-size:1.1rem}
    h4{font-size:1rem;margin:1.2rem 0 .3rem}
    a{color:var(--link)}a:focus-visible,summary:focus-visible{outline:3px solid var(--link)}
    .skip{position:absolute;left:-99rem}.skip:focus{position:static}
    article{border-top:2px solid var(--line);margin-top:2rem}
    table{border-collapse:collapse;width:100%}th,td{text-align:start;vertical-align:top;\
    padding:.3rem .6rem;border-bottom:1px solid var(--line)}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.1rem 1rem;margin:0}\
    dt,.quiet{color:var(--quiet)}dd{margin:0}
    code,.words{font-family:ui-monospace,monospace;font-size:.9rem}
    .badge{font-size:.85rem;font-weight:600;padding:.1rem .5rem;border:1px solid var(--line);\
    border-radius:.3rem;white-space:nowrap}
    .critical{background:var(--critical)}.high{background:var(--high)}\
    .medium{background:var(--medium)}.low{background:var(--low)}.info{background:var(--info)}\
    .clear{background:var(--clear)}.incomplete{background:var(--incomplete)}.none{background:none}
    mark{color:inherit;text-decoration:underline 2px;text-underline-offset:.2em}\
    mark.critical{text-decoration-style:double}mark.medium{text-decoration-style:dashed}\
    mark.low,mark.info{text-decoration-style:dotted}
    .ref{text-decoration:none}.ref::before{content:attr(data-n);\
    font:600 .7rem/1 system-ui,sans-serif;\
    vertical-align:super;border:1px solid var(--link);border-radius:.5rem;padding:0 .3rem;\
    margin:0 .1rem}
    :target{outline:3px solid var(--link)}
    .part{background:var(--box);border:1px solid var(--line);border-radius:.3rem;\
    padding:.4rem .7rem;margin:.4rem 0}
    .reasoning{background:var(--thought);border-inline-start:.4rem double var(--line)}
    .kind{margin:0;color:var(--quiet);font-size:.85rem}summary{cursor:pointer}
    .words{white-space:pre-wrap;unicode-bidi:isolate;contain:paint;padding-top:.15rem}\
    .words:empty::before{content:"(no text)";color:var(--quiet)}
    .row{display:grid;grid-template-columns:minmax(0,1fr) 120px;gap:.8rem}
    .plot text{font:700 14px system-ui,sans-serif;fill:var(--ink)}\
    .plot .moved{fill:none;stroke:var(--ink)}.plot .stated{fill:var(--ink)}\
    .plot .state{fill:var(--quiet)}
    .note{border-inline-start:.3rem solid var(--line);padding-inline-start:.6rem}
    @media print{body{font-size:10pt;max-width:none;padding:0}.skip{display:none}\
    article{break-before:page}h2,h3,h4,summary,.kind{break-after:avoid}.row,li{break-inside:avoid}\
    .part,.reasoning,mark,.badge{background:none}a{color:inherit}}
    @media print{details::details-content{content-visibility:visible;block-size:auto}}
    """
}
