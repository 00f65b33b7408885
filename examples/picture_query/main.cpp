// # picture_query
//
// Teaches one cross-attention layer to answer questions about pictures, evaluates it on pictures
// that it never saw, and shows some of them beside its attention. The results of the evaluation are
// called marks.
#include "examples/common/files.h"
#include "examples/picture_query/options.h"
#include "examples/picture_query/view.h"
#include "nn/loss.h"

namespace picture_query {

namespace {

// The questions of --ask, all about the first picture; without --ask, one random question about
// each picture.
std::vector<View> views_of(const Seer& model, const Options& o,
                           const std::vector<Picture>& pictures, Rng rng) {
  std::vector<View> views;
  for (const std::string& text : o.ask)
    views.push_back(look_at(model, pictures[0], read_question(pictures[0], text)));
  if (o.ask.empty())
    for (const Picture& picture : pictures)
      views.push_back(look_at(model, picture, draw_question(picture, rng)));
  return views;
}

examples::Json metrics(const Options& o, const Marks& marks) {
  examples::Json json;
  json.add("program", "picture_query").add("seed", o.training.seed).add("accuracy", marks.accuracy);
  json.add("attended", marks.attended).add("weight", marks.weight);
  json.add("shuffled", marks.shuffled).add("questions", marks.questions);
  return json;
}

// The pictures that will be shown, at least one. A question of --ask that cannot be answered is
// refused here, before the training.
std::vector<Picture> pictures_to_show(const Options& o, Rng& rng) {
  std::vector<Picture> pictures;
  for (Index i = 0; i < std::max<Index>(o.show, 1); ++i)
    pictures.push_back(draw_picture(o.world, rng));
  for (const std::string& text : o.ask) (void)read_question(pictures[0], text);
  return pictures;
}

// A new model, and a line about its size.
Seer make_model(const Options& o, Rng& rng) {
  Seer model(o.world, o.model, rng);
  fmt::print("{} parameters; questions {} wide, patches {}, {} heads\n",
             glass::nn::count_parameters(model), o.model.dim, o.model.key_dim, o.model.heads);
  return model;
}

// Every step draws fresh pictures and questions.
examples::Training train(const Seer& model, const Options& o, Rng& rng) {
  return examples::train_visibly(model, o.training, [&] {
    const Batch batch = draw_batch(o.world, o.training.batch, o.questions, rng);
    return glass::nn::cross_entropy(model(batch.patches, batch.words), batch.answers);
  });
}

// The marks, on pictures that it never saw.
void show(const Marks& marks, const examples::Training& training, const Options& o) {
  fmt::print(
      "\n{} questions about {} pictures never seen; {} steps in {}\n"
      "  {:6.2f} % answered right\n"
      "  {:6.2f} % looked most at the patch that was named (mean of heads; {:.1f} % of the "
      "weight)\n"
      "  {:6.2f} % right when asked about another picture's shapes\n\n",
      marks.questions, o.test, training.steps, examples::duration(training.seconds),
      100 * marks.accuracy, 100 * marks.attended, 100 * marks.weight, 100 * marks.shuffled);
}

int run(int argc, char** argv) {
  const Options o = parse_options(argc, argv);
  if (o.training.threads > 0) glass::set_num_threads(o.training.threads);
  examples::expect_writable({{"--metrics", o.training.metrics}, {"--svg", o.svg}});

  // Training, marking and showing draw from three streams of random numbers, so that none disturbs
  // another.
  Rng seeds(o.training.seed), rng = seeds.split();
  const Rng test = seeds.split();
  Rng shown = seeds.split();
  const std::vector<Picture> pictures = pictures_to_show(o, shown);

  // Train and mark.
  const Seer model = make_model(o, rng);
  const examples::Training training = train(model, o, rng);
  const Marks marks = mark(model, o.world, o.test, test);
  show(marks, training, o);

  // Show a few questions, and where the layer looked.
  std::vector<View> views;
  if (o.show > 0 || !o.ask.empty()) views = views_of(model, o, pictures, shown);
  for (const View& view : views) fmt::print("{}\n", draw(view, examples::shows_colours(o.colour)));
  if (!o.svg.empty()) examples::write_file(o.svg, to_svg(views));
  return examples::finish(o.training, training, glass::nn::count_parameters(model),
                          metrics(o, marks));
}

}  // namespace

}  // namespace picture_query

int main(int argc, char** argv) {
  return examples::program("picture_query", [&] { return picture_query::run(argc, argv); });
}
